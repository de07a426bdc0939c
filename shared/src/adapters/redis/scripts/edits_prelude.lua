-- Shared by the scripts that edit or delete a message; it is put before each of them, after `decision_prelude.lua`.

-- The earlier versions of a message, in the hash `edits` under its position: format version; then for each, the oldest first, length (3) and the
-- record as it was.
local EDITS_VERSION, EDIT = 1, '>I3'

-- The kept versions of a message with one more, `most` of them; the oldest go. nil if no versions are kept.
local function with_version(edits, seq, record, most)
  if most == 0 then return nil end
  local packed = call('HGET', edits, int(seq)) or string.char(EDITS_VERSION)
  check(string.byte(packed), EDITS_VERSION)
  local starts, at = {}, 2
  while at <= #packed do
    starts[#starts + 1] = at
    at = at + 3 + unpack(EDIT, packed, at)
  end
  local kept = string.sub(packed, starts[#starts - most + 2] or 2)
  return string.char(EDITS_VERSION) .. kept .. pack(EDIT, #record) .. record
end
