-- Shared by the scripts of a conversation; it is put before each of them. Every packed value begins with its version.
-- Every call of a script makes these functions anew, so what only some scripts need stands in the other preludes.
--
-- A record: version (3 bits) and flags, time in ms (6 bytes), random (5), revision that added it (7), length of the author (1), the author; then
-- sections: tag (1), length (2), value. Bytes 2-12 are the record's identity, which the message's id repeats. A script copies the sections that
-- it does not know. A deleted message keeps its head and the section CHANGED, the revision of the deletion. The flag MORE says that readers are
-- shown more than the record: what it replies to, or its reactions.
local RECORD, DELETED, MORE = 2, 1, 2
local TEXT, IMAGE, METADATA, EDITED, CHANGED, REPLY, MENTIONS, REACTED = 1, 2, 3, 4, 5, 6, 7, 8
-- The field `state` of `meta`: version; clock; revision; the revision before it; time of the newest message in ms; how many messages were
-- moved away before the first; the highest position that was deleted; the last position that stands in a segment.
local STATE_VERSION, STATE, STATE_BYTES = 2, '>I1I7I7I7I6I5I5I5', 43
-- A mention, in the sorted set `mentions`: the member's id, a zero byte, the position (5). Those of one member are counted as a range.
-- A member: version, role (and HAS_WRITTEN), since when in ms, position up to which it has read, value of the clock when it read. Of a member who
-- has read while the other side had blocked it, also how far and at which value of the clock: the other side is not told.
local MEMBER_VERSION, MEMBER, HAS_WRITTEN = 1, '>I1I1I6I5I7', 16
local MEMBER_BYTES, ALONE, ALONE_BYTES = 20, '>I5I7', 12
local call, pack, unpack = redis.call, struct.pack, struct.unpack

-- Numbers beyond 2^31 must not become exponents on their way to a command.
local function int(number)
  return string.format('%d', number)
end

local function has_more(record)
  return math.floor(string.byte(record) / MORE) % 2 == 1
end

-- How far a member has read, and at which value of the clock: as the member knows it, and as the other members are shown it.
local function read_by(packed)
  local _, _, _, shown, shown_at = unpack(MEMBER, packed)
  if #packed < MEMBER_BYTES + ALONE_BYTES then return shown, shown_at, shown, shown_at end
  local own, own_at = unpack(ALONE, packed, MEMBER_BYTES + 1)
  return math.max(own, shown), math.max(own_at, shown_at), shown, shown_at
end

local function read_state(meta)
  local known = call('HMGET', meta, 'state', 'blocked')
  local packed = known[1]
  local state = {version = STATE_VERSION, clock = 0, rev = 0, prev = 0, ms = 0, base = 0, gone = 0, sealed = 0, blocked = known[2]}
  if packed then
    -- The last release knows no segments.
    if #packed < STATE_BYTES then packed = packed .. '\0\0\0\0\0' end
    state.version, state.clock, state.rev, state.prev, state.ms, state.base, state.gone, state.sealed = unpack(STATE, packed)
    state.sealed = math.max(state.base, state.sealed)
  end
  return state
end

-- How many live messages stand from one position to another.
local function live(gone, from, to)
  if to < from then return 0 end
  return to - from + 1 - call('ZCOUNT', gone, from, to)
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
