-- What the scripts of a conversation share; it stands before each of them. Every packed value begins with its version.
--
-- A record: version (3 bits) and flags, time in ms (6 bytes), random (5), revision that added it (7), length of the author (1), the author; then
-- sections: tag (1), length (2), value. Bytes 2-12 are the record's identity, which the message's id repeats. A script copies the sections that
-- it does not know. A deleted message keeps its head and the section CHANGED, the revision of the deletion.
local RECORD, DELETED = 2, 1
local TEXT, IMAGE, METADATA, EDITED, CHANGED = 1, 2, 3, 4, 5
-- The field `state` of `meta`: version; clock; revision; the revision before it; time of the newest message in ms; how many messages were
-- moved away before the first; the highest position that was deleted.
local STATE_VERSION, STATE = 1, '>I1I7I7I7I6I5I5'
-- A member: version, role, since when in ms, position up to which it has read, value of the clock when it read.
local MEMBER_VERSION, MEMBER = 1, '>I1I1I6I5I7'
-- What an operation did: version, revision, position; then the message's identity (11 bytes) and the hash of the content.
local OPERATION_VERSION, OPERATION = 1, '>I1I7I5'

-- Numbers beyond 2^31 must not become exponents on their way to a command.
local function int(number)
  return string.format('%.0f', number)
end

-- A script never rewrites what a newer release has packed. The client may try again, and meet that release.
local function check(version, known)
  if version > known then error({err = 'NEWER a newer release has written this'}) end
end

local function version_of(record)
  return math.floor(string.byte(record) / 32)
end

local function is_deleted(record)
  return string.byte(record) % 2 == DELETED
end

local function author_of(record)
  return string.sub(record, 21, 20 + string.byte(record, 20))
end

-- Where the sections of a record begin.
local function sections_of(record)
  return 21 + string.byte(record, 20)
end

-- The value of a section, or nil.
local function section(record, tag)
  local at = sections_of(record)
  while at < #record do
    local of, length = struct.unpack('>I1I2', record, at)
    if of == tag then return string.sub(record, at + 3, at + 2 + length) end
    at = at + 3 + length
  end
end

-- The revision of the last change after a message was added, or nil.
local function changed_at(record)
  local changed = section(record, CHANGED)
  return changed and (struct.unpack('>I7', changed))
end

-- The record at that position, if it is the one with that identity.
local function find(log, base, seq, identity)
  local record = seq > base and redis.call('LINDEX', log, seq - base - 1)
  return record and string.sub(record, 2, 12) == identity and record
end

local function read_state(meta)
  local packed = redis.call('HGET', meta, 'state')
  local state = {version = STATE_VERSION, clock = 0, rev = 0, prev = 0, ms = 0, base = 0, gone = 0}
  if packed then
    state.version, state.clock, state.rev, state.prev, state.ms, state.base, state.gone = struct.unpack(STATE, packed)
  end
  return state
end

local function keep_state(meta, state)
  local packed = struct.pack(STATE, STATE_VERSION, state.clock, state.rev, state.prev, state.ms, state.base, state.gone)
  redis.call('HSET', meta, 'state', packed)
end

-- Gives a change that all members see its revision: a hybrid clock, which only grows and which a failover never gives twice.
local function revise(state, now)
  check(state.version, STATE_VERSION)
  state.clock = math.max(state.clock + 1, now * 1024)
  state.prev, state.rev = state.rev, state.clock
end

-- Moves a member's read position. What a newer release has added behind it stays.
local function keep_read(members, id, packed, seq, clock)
  local role, since, rest = 0, 0, ''
  if packed then
    local version
    version, role, since = struct.unpack(MEMBER, packed)
    check(version, MEMBER_VERSION)
    rest = string.sub(packed, 21)
  end
  redis.call('HSET', members, id, struct.pack(MEMBER, MEMBER_VERSION, role, since, seq, clock) .. rest)
end

-- How many live messages stand from one position to another.
local function live(gone, from, to)
  if to < from then return 0 end
  return to - from + 1 - redis.call('ZCOUNT', gone, from, to)
end

-- The position of the n-th live message going back from one position, but not before the first.
local function nth_back(gone, first, from, n)
  if live(gone, first, from) < n then return nil end
  local low, high = first, from - n + 1
  if live(gone, high, from) >= n then return high end
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if live(gone, middle, from) >= n then low = middle else high = middle - 1 end
  end
  return low
end

-- What every write answers: the change, and the conversation as it is now for each of its members. The Rust side is `answer.rs`.
-- {1 if it was done before, revision of the change, its position and identity; clock, revision, the revision before it, last position, time of
-- the newest message in ms, position of the newest live message; record of the changed message; record of the newest live one, '' if it is the
-- same; for each member: length of the id, id, read position, number of unread messages}
local function decided(log, gone, members, state, done)
  local last = done.last or state.base + redis.call('LLEN', log)
  local latest, newest = last, ''
  if state.gone == last then latest = nth_back(gone, state.base + 1, last, 1) or 0 end
  if latest ~= done.seq and latest > state.base then newest = redis.call('LINDEX', log, latest - state.base - 1) end
  local told, all = {}, redis.call('HGETALL', members)
  for index = 1, #all, 2 do
    local _, _, _, read = struct.unpack(MEMBER, all[index + 1])
    local unread = last - math.max(read, state.base)
    if state.gone > read and unread > 0 then unread = live(gone, math.max(read, state.base) + 1, last) end
    told[#told + 1] = struct.pack('>I1', #all[index]) .. all[index] .. struct.pack('>I5I5', read, unread)
  end
  local head = struct.pack('>I1I7I5', done.again and 1 or 0, done.rev, done.seq) .. done.identity
    .. struct.pack('>I7I7I7I5I6I5', state.clock, state.rev, state.prev, last, state.ms, latest)
  return {head, done.record, newest, table.concat(told)}
end

-- Answers an operation that was done before, as long as it is about the same content.
local function done_before(log, gone, members, state, operation, hash)
  local packed = redis.call('GET', operation)
  if not packed then return nil end
  local version, rev, seq, at = struct.unpack(OPERATION, packed)
  check(version, OPERATION_VERSION)
  if string.sub(packed, at + 11) ~= hash then return {'reused'} end
  local record = seq > state.base and redis.call('LINDEX', log, seq - state.base - 1) or ''
  local identity = string.sub(packed, at, at + 10)
  return decided(log, gone, members, state, {again = true, rev = rev, seq = seq, identity = identity, record = record})
end

local function remember(operation, rev, seq, identity, hash, kept_ms)
  local packed = struct.pack(OPERATION, OPERATION_VERSION, rev, seq) .. identity .. hash
  redis.call('SET', operation, packed, 'PX', kept_ms)
end
