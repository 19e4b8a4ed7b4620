"""What runs inside the Redis server for the directory of live connections. The rules of `redis_scripts` hold here.

A lease ends by the server's clock, not by that of whoever asks: the clocks of nodes may be seconds apart.
"""

from typing import Final

from .redis_scripts import NOT_OURS_REPLY, PRIMARY

_CLOCK: Final = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function lives(node)
  local ends = redis.call('ZSCORE', KEYS[1], node)
  return ends and tonumber(ends) > now
end
"""
"""KEYS[1]: nodes."""

_FORGET: Final = """
local function forget(connection, value)
  local node, owner = string.match(value, '^(%S+) (%S+) ')
  redis.call('HDEL', KEYS[2], connection)
  redis.call('ZREM', KEYS[3], connection)
  if not node then return end
  redis.call('SREM', KEYS[4] .. node, connection)
  if owner ~= '-' and redis.call('HINCRBY', KEYS[5] .. owner, node, -1) <= 0 then
    redis.call('HDEL', KEYS[5] .. owner, node)
  end
end
local function forget_of(connection, node)
  local value = redis.call('HGET', KEYS[2], connection)
  if value and string.sub(value, 1, #node + 1) == node .. ' ' then forget(connection, value) end
end
"""
"""KEYS[2..5]: live, its names, what is in front of a node, and of an owner."""

RENEW: Final = f"""{PRIMARY}{_CLOCK}{_FORGET}
local node, lease, alone, left = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local life = string.match(about, 'master_replid:(%x+)') or ''
if ARGV[4] == '0' and not lives(node) then return {{0, 0, 0, 0, life}} end
redis.call('ZADD', KEYS[1], now + lease, node)
local others = redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf') - 1
local is_clear, claims = 1, redis.call('HGETALL', KEYS[6])
for number = 1, #claims, 2 do
  local whose, until_then = claims[number], tonumber(claims[number + 1]) or 0
  if until_then <= now or not lives(whose) then
    redis.call('HDEL', KEYS[6], whose)
  elseif whose ~= node then
    is_clear = 0
  end
end
local is_alone = alone > 0 and others == 0
if is_alone then redis.call('HSET', KEYS[6], node, now + alone) end
if alone == 0 then redis.call('HDEL', KEYS[6], node) end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 10)) do
  local gone = left > 0 and redis.call('SPOP', KEYS[4] .. dead, left) or {{}}
  for _, connection in ipairs(gone) do forget_of(connection, dead) end
  left = left - #gone
  if redis.call('SCARD', KEYS[4] .. dead) == 0 then redis.call('ZREM', KEYS[1], dead) end
end
return {{1, others, is_alone and 1 or 0, is_clear, life}}
"""
"""KEYS: nodes, live, its names, what is in front of a node, of an owner, claims. ARGV: node, milliseconds of the
lease and of the claim, whether it joins, most to sweep. Returns what `NodeStanding` holds.
"""

ENTER: Final = f"""{PRIMARY}{_CLOCK}{_FORGET}
local node, most = ARGV[1], tonumber(ARGV[2])
if not lives(node) then return false end
local function held(owner)
  local count, places = 0, redis.call('HGETALL', KEYS[5] .. owner)
  for number = 1, #places, 2 do
    if lives(places[number]) then
      count = count + tonumber(places[number + 1])
    else
      redis.call('HDEL', KEYS[5] .. owner, places[number])
    end
  end
  return count
end
local function enter(connection, owner, value)
  local known = redis.call('HGET', KEYS[2], connection)
  if not (known and string.sub(known, 1, #node + 1) == node .. ' ') then
    if owner ~= '-' and most and held(owner) >= most then return 0 end
    if known then forget(connection, known) end
    redis.call('SADD', KEYS[4] .. node, connection)
    redis.call('ZADD', KEYS[3], 0, connection)
    if owner ~= '-' then redis.call('HINCRBY', KEYS[5] .. owner, node, 1) end
  end
  redis.call('HSET', KEYS[2], connection, value)
  return 1
end
local entered, first = {{}}, 4 + tonumber(ARGV[3])
for number = 4, first - 1 do forget_of(ARGV[number], node) end
for number = first, #ARGV, 3 do
  entered[#entered + 1] = enter(ARGV[number], ARGV[number + 1], ARGV[number + 2])
end
return entered
"""
"""KEYS: as of `RENEW`. ARGV: node, most or nothing, how many leave and which, then connection, owner and value of
each that enters. Returns for each whether it is in; nothing when the lease has ended. An owner and a node do not
change while a connection lives.
"""

LEAVE: Final = f"""{_FORGET}
for number = 2, #ARGV do forget_of(ARGV[number], ARGV[1]) end
"""
"""KEYS: as of `RENEW`. ARGV: node, connections."""

DROP: Final = """
redis.call('HDEL', KEYS[6], ARGV[1])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then redis.call('ZADD', KEYS[1], 0, ARGV[1]) end
"""
"""KEYS: as of `RENEW`. ARGV: node."""

PAGE: Final = f"""{PRIMARY}{_CLOCK}
local after, most, found = ARGV[1], tonumber(ARGV[2]), {{}}
local names = redis.call('ZRANGEBYLEX', KEYS[3], after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, most)
for _, name in ipairs(names) do
  if redis.call('HSTRLEN', KEYS[2], name) > tonumber(ARGV[3]) then {NOT_OURS_REPLY} end
  local value = redis.call('HGET', KEYS[2], name)
  local node = value and string.match(value, '^(%S+) ')
  if node and lives(node) then found[#found + 1] = value end
end
return {{#names == most and names[#names] or '', unpack(found)}}
"""
"""KEYS: as of `RENEW`. ARGV: after, most, most bytes. Returns behind what to read on, and the values."""

NODES: Final = f"""{PRIMARY}{_CLOCK}
local found = {{}}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  found[#found + 1] = {{node, redis.call('SCARD', KEYS[4] .. node)}}
end
return found
"""
"""KEYS: as of `RENEW`. Returns name and number of entries of each node whose lease lives."""
