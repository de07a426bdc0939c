-- Shared by the scripts that change a message after it was sent; it is put before each of them, after `decision_prelude.lua`.

-- A record with new values for some sections, by tag; '' takes one away.
local function rewritten(record, new)
  local at = sections_of(record)
  local parts = {string.sub(record, 1, at - 1)}
  while at < #record do
    local tag, length = unpack('>I1I2', record, at)
    if not new[tag] then parts[#parts + 1] = string.sub(record, at, at + 2 + length) end
    at = at + 3 + length
  end
  for tag = TEXT, REACTED do
    local value = new[tag]
    if value and (value ~= '' or tag == REACTED) then parts[#parts + 1] = pack('>I1I2', tag, #value) .. value end
  end
  return table.concat(parts)
end

-- Puts another record in the place of one.
local function replace(state, seq, record)
  if seq > state.sealed then return call('LSET', log, seq - state.sealed - 1, record) end
  local number, index = segment_of(seq)
  local held = open_segment(number)
  held[index] = record
  call('HSET', segments, int(number), cmsgpack.pack(_G.unpack(held)))
end

-- Keeps the record of a message that was changed after it was sent.
local function keep_record(state, seq, record)
  replace(state, seq, record)
  call('ZADD', stamps, int(state.rev), seq)
end
