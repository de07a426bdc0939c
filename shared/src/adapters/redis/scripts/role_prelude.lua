-- Shared by the scripts that look at a member's role; it is put before each of them, after `member_prelude.lua`.

-- The role of the member at that place: 0 member, 1 moderator, 2 owner.
local function role_at(place, all)
  return string.byte(all[place + 1], 2) % HAS_WRITTEN
end
