"""What runs inside the Redis server for channels. The rules of `redis_scripts` hold here.

A channel's publications are numbered, kept and sent in one step, so that their order is that of their numbers on every
node. Numbers are microseconds of the server's clock or follow one another; see `policy.history`.
"""

from typing import Final

from ..policy.history import MICROSECONDS, SKEW_SECONDS
from .redis_scripts import NOT_OURS_REPLY, PRIMARY

IS_SHARDED: Final = "return redis.REDIS_VERSION_NUM and 1 or 0"
"""Whether the server has sharded pub/sub: since 7.0, which is also what first tells scripts its version."""

SAY: Final = f"""{PRIMARY}
local id = string.match(about, 'master_replid:(%x+)') or 'none'
if ARGV[1] ~= '' and ARGV[1] ~= id then return {{id}} end
local function say(channel, text)
  text = id .. ' ' .. text
  if redis.REDIS_VERSION_NUM then redis.call('SPUBLISH', channel, text) else redis.call('PUBLISH', channel, text) end
end
if ARGV[2] ~= '' then say(ARGV[3], ARGV[2]) end
"""
"""ARGV: the life of the server that is meant, or nothing: another one says nothing, and answers with its own; what to
say first, or nothing; channel of the server.
"""

_POSITION: Final = f"""
local function number(text) return string.match(text or '', '^%d+$') and tonumber(text) end
local function text_of(number) return string.format('%.0f', number) end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * {MICROSECONDS} + tonumber(clock[2])
local id = string.match(about, 'master_replid:(%x+)') or 'none'
local known, began, ahead = string.match(redis.call('GET', KEYS[1]) or '', '^(%w+) (%d+) (%d+)$')
local life, given, latest = number(began), number(ahead) or 0, number(ARGV[#ARGV]) or 0
if known ~= id or not life or life < latest or now + {MICROSECONDS} < given then
  life = math.max(math.max(now, given) + {int(SKEW_SECONDS * MICROSECONDS)}, latest + 1)
  given = 0
end
local last = number(redis.call('GET', KEYS[2]))
if last and last < life then last = nil end
if given == 0 or not last and given < now then
  given = now + {MICROSECONDS}
  redis.call('SET', KEYS[1], id .. ' ' .. text_of(life) .. ' ' .. text_of(given))
end
"""
"""KEYS[1..2]: life, last. The last of ARGV: the number that the latest life began with that the node knows of, or 0.

A life ends with a restart or a failover, which may have lost what came last; when a node knows of a later one, as where
a primary of before is one again and knows nothing of what was said meanwhile; and when the clock is set back. What the
clock has told as a number, or may within a second, is never below what a channel's first publication is numbered:
behind the life stands how far that has come.
"""

_ELSEWHERE: Final = """
local function elsewhere(ears, heard, channel, own)
  local found, clock = 0, redis.call('TIME')
  local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  for _, node in ipairs(redis.pcall('ZRANGEBYSCORE', ears, '(' .. now, '+inf')) do
    local count = node ~= own and redis.pcall('HGET', heard .. node, channel)
    found = found + (type(count) == 'string' and tonumber(count) or 0)
  end
  return found
end
"""
"""Connections that listen to a channel at other nodes. What cannot be read is none: it holds up nothing."""

SAY_ONCE: Final = f"""{SAY}{_ELSEWHERE}
say(ARGV[3], ARGV[4])
return {{id, '', elsewhere(KEYS[2], KEYS[3], ARGV[5], ARGV[6])}}
"""
"""KEYS: channel of the server, nodes of channels, what is in front of a node's counts. ARGV: as of SAY, then text,
channel and node. Returns the life, nothing, and how many connections listen at other nodes.
"""

WHICH_LIFE: Final = f"""{SAY}
return {{id}}
"""
"""ARGV: as of SAY. Returns the life."""

SAY_AND_KEEP: Final = f"""{SAY}{_POSITION}{_ELSEWHERE}
local after, seq = last or 0, last and last + 1 or math.max(now, life, given) + 1
local values = {{'b', ARGV[4], 'a', text_of(after), 't', text_of(now)}}
local entry = {{KEYS[3], 'MAXLEN', '=', ARGV[5], text_of(seq) .. '-0', unpack(values)}}
if type(redis.pcall('XADD', unpack(entry))) ~= 'string' then
  redis.call('DEL', KEYS[3])
  redis.call('XADD', unpack(entry))
end
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call('SET', KEYS[2], text_of(seq), 'PX', ARGV[7])
say(ARGV[3], text_of(seq) .. ' ' .. text_of(after) .. ' ' .. ARGV[4])
return {{id, text_of(seq), elsewhere(KEYS[4], KEYS[5], ARGV[8], ARGV[9]), text_of(life)}}
"""
"""KEYS: life, last, history, nodes of channels, what is in front of a node's counts. ARGV: as of SAY, then text, most
publications, milliseconds that they are kept, and that the last number is known, channel, node, and as of the position.
Returns the life, the number, how many connections listen at other nodes, and the number that the life began with.
"""

READ_ON: Final = f"""{PRIMARY}{_POSITION}
local found, bytes, start = {{text_of(life), last and text_of(last) or '', text_of(now)}}, 0, '(' .. ARGV[1] .. '-0'
if ARGV[1] == '' then return found end
while true do
  local page = redis.call('XRANGE', KEYS[3], start, '+', 'COUNT', 100)
  for _, entry in ipairs(page) do
    local values = entry[2]
    if #values ~= 6 then {NOT_OURS_REPLY} end
    bytes = bytes + #values[2]
    if bytes > tonumber(ARGV[2]) then return {{found[1], found[2], found[3], 'more'}} end
    for _, value in ipairs({{entry[1], values[2], values[4], values[6]}}) do found[#found + 1] = value end
  end
  if #page < 100 then return found end
  start = '(' .. page[#page][1]
end
"""
"""KEYS: life, last, history. ARGV: behind which number, or nothing; most bytes; and as of the position. Returns life,
last or nothing, and the microsecond; then id, text, number before and microsecond of each; or `more` where they are too
many.
"""

_LIVES: Final = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function lives(node)
  local ends = redis.call('ZSCORE', KEYS[1], node)
  return ends and tonumber(ends) > now
end
"""
"""KEYS[1]: nodes of channels."""

_SEATS: Final = """
local function without(nodes, gone)
  local left = {}
  for node in string.gmatch(nodes or '', '%S+') do
    if node ~= gone then left[#left + 1] = node end
  end
  return table.concat(left, ' ')
end
local function unseat(node, seat)
  local channel, who = string.match(seat, '^(%S+) (.*)$')
  redis.call('SREM', KEYS[3] .. node, seat)
  local nodes = channel and redis.call('HGET', KEYS[2] .. channel, who)
  if not nodes then return 0 end
  local left = without(nodes, node)
  if left == nodes then return 0 end
  if left ~= '' then redis.call('HSET', KEYS[2] .. channel, who, left) return 0 end
  redis.call('HDEL', KEYS[2] .. channel, who)
  return 1
end
local function seat_at(node, seat)
  local channel, who = string.match(seat, '^(%S+) (.*)$')
  redis.call('SADD', KEYS[3] .. node, seat)
  local nodes = redis.call('HGET', KEYS[2] .. channel, who)
  local others = without(nodes, node)
  redis.call('HSET', KEYS[2] .. channel, who, others == '' and node or others .. ' ' .. node)
  return nodes and 0 or 1
end
"""
"""KEYS[2..3]: what is in front of a channel, and of a node. A seat is a channel and who sits there; each channel has a
hash with the nodes of each.
"""

TAKE_SEATS: Final = f"""{PRIMARY}{_LIVES}{_SEATS}
local node, moved = ARGV[1], {{}}
if not lives(node) then return false end
for number = 2, #ARGV, 2 do
  moved[#moved + 1] = ARGV[number] == '1' and seat_at(node, ARGV[number + 1]) or unseat(node, ARGV[number + 1])
end
return moved
"""
"""KEYS: nodes of channels, what is in front of a channel, and of a node. ARGV: node; then whether somebody is there and
his seat. Returns for each whether that changes anything for who looks at all nodes; nothing when the lease has ended.
"""

RENEW_EAR: Final = f"""{PRIMARY}{_LIVES}{_SEATS}
local node, left, gone = ARGV[1], tonumber(ARGV[3]), {{}}
local was_alive = lives(node) and 1 or 0
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), node)
local late, verb = tonumber(ARGV[4]), redis.REDIS_VERSION_NUM and 'SPUBLISH' or 'PUBLISH'
local behind = late > 0 and redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, now + tonumber(ARGV[2]) - late) or {{}}
for _, other in ipairs(behind) do
  if redis.pcall(verb, ARGV[5] .. other, '') == 0 then redis.call('ZADD', KEYS[1], 0, other) end
end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 10)) do
  local seats = left > 0 and redis.call('SPOP', KEYS[3] .. dead, left) or {{}}
  for _, seat in ipairs(seats) do
    if unseat(dead, seat) == 1 then gone[#gone + 1] = seat end
  end
  left = left - #seats
  if redis.call('SCARD', KEYS[3] .. dead) == 0 then redis.call('ZREM', KEYS[1], dead) end
end
return {{was_alive, redis.call('SCARD', KEYS[3] .. node), gone}}
"""
"""KEYS: as of TAKE_SEATS. ARGV: node, milliseconds of its lease, most seats to clear; milliseconds without a renewal
after which a node is dead that hears nothing either, or 0: none is; what is in front of the channel that a node hears
while it is connected. Returns whether its lease was alive, how many seats it has, and the seats of dead nodes whose
occupants are nowhere any more.

To publish is to count who hears: a process that was killed has lost its connections at once, long before its lease.
"""

SEATS_AT: Final = f"""{PRIMARY}
return redis.call('SMEMBERS', KEYS[3] .. ARGV[1])
"""
"""KEYS: as of TAKE_SEATS. ARGV: node."""

DROP_EAR: Final = """
redis.call('DEL', KEYS[4] .. ARGV[1])
if redis.call('SCARD', KEYS[3] .. ARGV[1]) == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], 0, ARGV[1])
end
"""
"""KEYS: as of TAKE_SEATS, and what is in front of a node's counts. ARGV: node."""

WHO_SITS: Final = f"""{PRIMARY}{_LIVES}
local found, seated = {{}}, redis.call('HGETALL', KEYS[2] .. ARGV[1])
for number = 1, #seated, 2 do
  for node in string.gmatch(seated[number + 1], '%S+') do
    if lives(node) then
      found[#found + 1] = seated[number]
      break
    end
  end
end
return found
"""
"""KEYS: as of TAKE_SEATS. ARGV: channel. Returns who sits there at a node whose lease lives."""

COUNT: Final = """
for number = 2, #ARGV, 2 do
  if ARGV[number + 1] == '0' then
    redis.call('HDEL', KEYS[1], ARGV[number])
  else
    redis.call('HSET', KEYS[1], ARGV[number], ARGV[number + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('EXISTS', KEYS[1])
"""
"""KEYS: counts of a node. ARGV: milliseconds of its lease; then channel and connections of each that changed.
Returns whether there is anything.
"""

COUNTS: Final = f"""{PRIMARY}{_LIVES}
local found = {{}}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  found[#found + 1] = {{node, redis.call('HGETALL', KEYS[2] .. node)}}
end
return found
"""
"""KEYS: nodes of channels, what is in front of a node's counts. Returns node, and channel and connections of each."""
