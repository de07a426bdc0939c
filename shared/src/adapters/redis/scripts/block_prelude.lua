-- What the scripts share that ask whether a user is blocked; it stands before each of them.

-- Whether the other side of a direct conversation has blocked this user. `names` is the field `blocked` of `meta`, or false: who has blocked the other
-- side, with spaces between two. A topic has no such field.
local function is_blocked(names, who)
  for by in string.gmatch(names or '', '%S+') do
    if by ~= who then return true end
  end
  return false
end
