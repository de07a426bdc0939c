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

-- Members who have read since a value of the clock: length of the id, id, read position. Nobody without the key.
local function readers(key, since)
  local told, all = {}, key and redis.call('HGETALL', key) or {}
  for index = 1, #all, 2 do
    local _, _, _, read, clock = struct.unpack(MEMBER, all[index + 1])
    if clock > since then told[#told + 1] = struct.pack('>I1', #all[index]) .. all[index] .. struct.pack('>I5', read) end
  end
  return table.concat(told)
end
