-- Shared by the scripts that add messages; it is put before each of them, after `decision_prelude.lua`.

-- The list keeps at least that many records, because most readers want only these.
local LISTED = 64

-- Adds a record at the end, and answers its position. At one in 32, the oldest records of the list become a segment.
local function append(state, record)
  local seq = state.sealed + call('RPUSH', log, record)
  local number, index = segment_of(state.sealed + 1)
  local count = SEGMENT + 1 - index
  if seq - state.sealed < LISTED + count then return seq end
  local sealing = call('LRANGE', log, 0, count - 1)
  -- The segment's first positions were moved away.
  for _ = 2, index do table.insert(sealing, 1, '') end
  call('HSET', segments, int(number), cmsgpack.pack(_G.unpack(sealing)))
  call('LTRIM', log, count, -1)
  state.sealed = state.sealed + count
  keep(state)
  return seq
end
