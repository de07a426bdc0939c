-- Shared by the scripts that look into the log of a conversation; it is put before each of them, after `conversation_prelude.lua`.
--
-- The newest records stand in a list. Those before them stand in segments, which are fields of a hash: Redis finds a field at once, but walks to a
-- place in a list. So no list grows long, and a record in the middle of a million is as near as one in the middle of a hundred.
-- KEYS of each of them: 1 log, 2 meta, 3 segments; what only some need comes after.
local log, meta, segments = KEYS[1], KEYS[2], KEYS[3]
-- How many positions a segment has. A segment is their records, as MessagePack strings in a row; '' for a record that was moved away.
local SEGMENT = 32
local opened, held

-- The number of the segment that has a position, and the place of the position in it.
local function segment_of(seq)
  return math.ceil(seq / SEGMENT), (seq - 1) % SEGMENT + 1
end

-- The records of a segment. It stays open, because a script mostly goes on with the segment that it looked into before.
local function open_segment(number)
  if opened ~= number then opened, held = number, {cmsgpack.unpack(call('HGET', segments, int(number)))} end
  return held
end

local function last_position(state)
  return state.sealed + call('LLEN', log)
end

-- The record at a position, or nil.
local function record_at(state, seq)
  if seq <= state.base then return nil end
  if seq > state.sealed then return call('LINDEX', log, seq - state.sealed - 1) or nil end
  local number, index = segment_of(seq)
  return open_segment(number)[index]
end

-- The records from one position to another, oldest first. The first must be there; the last may be beyond the end.
local function records_between(state, first, last)
  if last < first then return {} end
  local sealed = state.sealed
  local newest = last > sealed and call('LRANGE', log, math.max(first - sealed, 1) - 1, last - sealed - 1) or {}
  if first > sealed then return newest end
  local found = {}
  for seq = first, math.min(last, sealed) do found[#found + 1] = record_at(state, seq) end
  for _, record in ipairs(newest) do found[#found + 1] = record end
  return found
end
