-- Shared by the scripts that edit or delete a message; it is put before each of them, after `decision_prelude.lua`.

-- The earlier versions of a message, in the hash `edits` under its position: format version; then for each, the oldest first, length (3) and the
-- record as it was.
local EDITS_VERSION, EDIT = 1, '>I3'

-- The kept versions of a message and one more, and how many there were before; nil if none are kept.
local function with_version(edits, seq, record, most)
  if most == 0 then return nil, 0 end
  local packed = call('HGET', edits, int(seq)) or string.char(EDITS_VERSION)
  check(string.byte(packed), EDITS_VERSION)
  local count, at = 0, 2
  while at <= #packed do
    count, at = count + 1, at + 3 + unpack(EDIT, packed, at)
  end
  return packed .. pack(EDIT, #record) .. record, count
end
