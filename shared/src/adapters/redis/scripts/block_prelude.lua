-- Shared by the scripts that ask whether a user is blocked; it is put before each of them.

-- Whether the other side of a direct conversation has blocked this user. `names` is the field `blocked` of `meta`, or false: the members who have
-- blocked the other side, with spaces between them. A topic has no such field.
local function is_blocked(names, who)
  for by in string.gmatch(names or '', '%S+') do
    if by ~= who then return true end
  end
  return false
end
