-- Shared by the scripts that ask whether a user is blocked; it is put before each of them.

-- The field `blocked` of `meta`, false if there is none: version; then who has blocked the other side, with spaces between two. A topic has none.
local BLOCKED_VERSION = 1

-- Whether the other side of a direct conversation has blocked this user. What a newer release has packed counts as a block: a message that was
-- refused can be sent again, and one that was delivered cannot be taken back.
local function is_blocked(packed, who)
  if not packed then return false end
  if string.byte(packed) > BLOCKED_VERSION then return true end
  for by in string.gmatch(string.sub(packed, 2), '%S+') do
    if by ~= who then return true end
  end
  return false
end
