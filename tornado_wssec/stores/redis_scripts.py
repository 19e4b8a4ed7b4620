"""What runs inside the Redis server. Each script is one step: nobody sees half of it.

Rules of this file:
1. Every key has the store's hash tag, so that one node of a cluster holds them all.
2. Values are arguments, never part of a script.
3. What may have been planted is bounded before it is read, and reported rather than worked on.
4. Nothing is read from a replica: it may not know yet what is revoked.
"""

from dataclasses import dataclass
from typing import Final, Self

from ..policy.credential_records import RecordKind
from .redis_faults import NO_PRIMARY, NOT_OURS
from .redis_primary import hash_tag


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of a store's keys."""

    tag: str
    generation: str
    published: str
    log: str
    places: str
    ends: str
    notice_ends: str
    changes: str
    applied: str
    touched: str

    @classmethod
    def of(cls, prefix: str) -> Self:
        """Those below a prefix."""
        tag = hash_tag(prefix)
        log = ("log", "log-places", "log-ends", "log-notice-ends")
        names = ("generation", "keys", *log, "changes", "applied", "touched")
        return cls(tag, *(f"{tag}:{name}" for name in names))

    @property
    def of_generation(self) -> list[str]:
        """The generation, and whatever tells whether all is there that was written in it."""
        return [self.generation, self.log, self.places, self.ends, self.notice_ends]

    @property
    def tickets(self) -> str:
        """What stands in front of a ticket's digest."""
        return f"{self.tag}:ticket:"

    @property
    def owners(self) -> str:
        """What stands in front of the hash of an owner."""
        return f"{self.tag}:tickets-of:"

    def records(self, kind: RecordKind) -> tuple[str, str, str]:
        """The values, the names and the ends of the records of a kind."""
        values = f"{self.tag}:{kind}"
        return values, f"{values}-names", f"{values}-ends"


PRIMARY: Final = f"""
local about = redis.call('INFO', 'replication')
if not string.find(about, 'role:master', 1, true) then return redis.error_reply('{NO_PRIMARY} this is a replica') end
"""

_LIFE: Final = """
local function life_of(generation)
  local id = string.match(redis.call('GETRANGE', generation, 0, 31), '^%x+$') or ''
  return id .. '.' .. (string.match(about, 'master_replid:(%x%x%x%x%x%x%x%x)') or '')
end
"""
"""A life ends with the store's generation, and with a restart or a failover, which may have lost what came last."""

NOT_OURS_REPLY: Final = f"return redis.error_reply('{NOT_OURS} this value is none of ours')"

READ_TEXT: Final = f"""{PRIMARY}
if redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[1]) then {NOT_OURS_REPLY} end
return redis.call('GET', KEYS[1])
"""
"""KEYS: the text. ARGV: its most bytes."""

_WHOLE: Final = """
local function is_whole(log, places, ends, notice_ends)
  local function count(...)
    local found = redis.pcall(...)
    return type(found) == 'number' and found or 0
  end
  local endless = count('HLEN', places) - count('ZCARD', ends) - count('ZCARD', notice_ends)
  local now = redis.call('TIME')[1]
  return count('XLEN', log) >= endless + count('ZCOUNT', ends, now, '+inf')
end
"""
"""Whether the log has as many entries as there must be: a server that may evict forgets a key, and not those beside."""

GENERATION: Final = f"""{PRIMARY}{_WHOLE}
if redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[1]) then {NOT_OURS_REPLY} end
local text = redis.call('GET', KEYS[1])
return text and {{text, is_whole(KEYS[2], KEYS[3], KEYS[4], KEYS[5]) and 1 or 0}}
"""
"""KEYS: generation, log, places, ends, notice_ends. ARGV: most bytes. Returns the generation, and whether all that was
written in it is there."""

MAKE: Final = f"""{_WHOLE}
if redis.call('EXISTS', KEYS[1]) == 1 then
  if is_whole(KEYS[2], KEYS[3], KEYS[4], KEYS[5]) then return 0 end
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[6], 'MAXLEN', 1, '*', 'made', 1)
return 1
"""
"""KEYS: those of GENERATION, changes. ARGV: the generation."""

PUBLISH: Final = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], 'MAXLEN', 1, '*', 'published', 1)
"""
"""KEYS: published, changes. ARGV: the document."""

MARK: Final = f"""{PRIMARY}{_LIFE}
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {{life_of(KEYS[2]), last and last[1] or '0-0'}}
"""
"""KEYS: changes, generation. Returns the life and the last change."""

APPEND: Final = f"""{PRIMARY}{_LIFE}
local place, body = redis.call('HGET', KEYS[2], ARGV[1]), ARGV[2]
local found = place and redis.call('XRANGE', KEYS[1], place, place)[1]
if found then
  body = found[2][2]
  if #body > tonumber(ARGV[4]) then {NOT_OURS_REPLY} end
else
  place = redis.call('XADD', KEYS[1], '*', 'body', body)
  if ARGV[3] ~= '' then redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1]) end
  redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'appended', 1)
end
redis.call('HSET', KEYS[2], ARGV[1], place)
return {{life_of(KEYS[5]), place, body}}
"""
"""KEYS: log, places, ends, changes, generation. ARGV: class and id, body, end or nothing, most bytes. Returns life,
place, body. The place is written again where the entry is there already: what the caller then waits for covers it.
"""

READ_AFTER: Final = f"""{PRIMARY}{_LIFE}
local function parts(id)
  local high, low = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(high), tonumber(low)
end
local function is_behind(id, last)
  local high, low = parts(id)
  local last_high, last_low = parts(last)
  return high > last_high or (high == last_high and low > last_low)
end
local function last_of(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', stream)
  for number = 1, #info, 2 do
    if info[number] == 'last-generated-id' then return info[number + 1] end
  end
end
local life, start, applied = life_of(KEYS[2]), '-', '0-0'
if ARGV[1] == life and not is_behind(ARGV[2], last_of(KEYS[1])) then
  start, applied = '(' .. ARGV[2], ARGV[2]
end
if ARGV[5] == '1' then
  local others = redis.pcall('GET', KEYS[3])
  local is_further = type(others) == 'string' and parts(others) and is_behind(others, applied)
  redis.pcall('SET', KEYS[3], is_further and others or applied, 'PX', ARGV[6])
end
local entries = {{life}}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', ARGV[3])) do
  local fields = entry[2]
  local is_ours = #fields == 2 and fields[1] == 'body' and #fields[2] <= tonumber(ARGV[4])
  entries[#entries + 1] = {{entry[1], is_ours and fields[2] or ''}}
end
return entries
"""
"""KEYS: log, generation, applied. ARGV: life and place of the cursor, most entries, most bytes, whether the reader
follows the log, and for how many milliseconds that holds. Returns the life, and place and body of each entry.
"""

STANDING: Final = f"""{PRIMARY}
return {{tonumber(string.match(about, 'connected_slaves:(%d+)') or '0'), redis.call('GET', KEYS[1])}}
"""
"""KEYS: applied. Returns how many replicas are connected, and how far a server that follows the log has come."""

PRUNE: Final = f"""{PRIMARY}
local pruned, kept, most = 0, 0, tonumber(ARGV[2])
while pruned < most do
  local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1], 'LIMIT', kept, most - pruned)
  if #ended == 0 then break end
  for _, name in ipairs(ended) do
    local undone = string.match(name, '^undo:(.*)$')
    if undone and redis.call('HEXISTS', KEYS[2], 'revocation:' .. undone) == 1 then
      kept = kept + 1
    else
      local place = redis.call('HGET', KEYS[2], name)
      if place then redis.call('XDEL', KEYS[1], place) end
      redis.call('HDEL', KEYS[2], name)
      redis.call('ZREM', KEYS[3], name)
      pruned = pruned + 1
    end
  end
end
if pruned > 0 then redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'pruned', pruned) end
return pruned
"""
"""KEYS: log, places, ends, changes. ARGV: now, most."""

PUT_TICKET: Final = """
for _, digest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4], 'LIMIT', 0, 1000)) do
  redis.call('DEL', ARGV[6] .. digest)
  redis.call('ZREM', KEYS[2], digest)
end
if redis.call('ZCOUNT', KEYS[2], '(' .. ARGV[4], '+inf') >= tonumber(ARGV[5]) then return 0 end
if not redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[7]) then return 0 end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[7]) then redis.call('PEXPIRE', KEYS[2], ARGV[7]) end
return 1
"""
"""KEYS: the ticket, its owner's. ARGV: digest, value, end, now, most, what is in front of a digest, milliseconds."""

TAKE_TICKET: Final = f"""
if redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[1])
  {NOT_OURS_REPLY}
end
local value = redis.call('GETDEL', KEYS[1])
local owner = value and string.match(value, '^%S+ (%x+) ')
if owner then redis.call('ZREM', ARGV[2] .. owner, ARGV[3]) end
return value
"""
"""KEYS: the ticket. ARGV: its most bytes, what stands in front of an owner, the digest."""

PUT_RECORD: Final = """
local function forget(name)
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[4], 'LIMIT', 0, 100)) do forget(name) end
local ends = redis.call('ZSCORE', KEYS[3], ARGV[1])
if ends and tonumber(ends) <= tonumber(ARGV[4]) then forget(ARGV[1]) end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1]) end
return 1
"""
"""KEYS: values, names, ends. ARGV: name, value, end or nothing, now."""

FIND_RECORD: Final = f"""{PRIMARY}
if redis.call('HSTRLEN', KEYS[1], ARGV[1]) > tonumber(ARGV[2]) then {NOT_OURS_REPLY} end
return redis.call('HGET', KEYS[1], ARGV[1])
"""
"""KEYS: values. ARGV: name, most bytes."""

LIST_RECORDS: Final = f"""{PRIMARY}
local found, after, most = {{}}, ARGV[1], tonumber(ARGV[2])
while #found < most do
  local start = after == '' and '-' or '(' .. after
  local names = redis.call('ZRANGEBYLEX', KEYS[2], start, '+', 'LIMIT', 0, most - #found)
  if #names == 0 then break end
  for _, name in ipairs(names) do
    after = name
    local ends = redis.call('ZSCORE', KEYS[3], name)
    if not ends or tonumber(ends) > tonumber(ARGV[3]) then
      if redis.call('HSTRLEN', KEYS[1], name) > tonumber(ARGV[4]) then {NOT_OURS_REPLY} end
      local value = redis.call('HGET', KEYS[1], name)
      if value then found[#found + 1] = {{name, value}} end
    end
  end
end
return found
"""
"""KEYS: values, names, ends. ARGV: after, most, now, most bytes."""

DROP_RECORD: Final = """
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
"""KEYS: values, names, ends. ARGV: name."""
