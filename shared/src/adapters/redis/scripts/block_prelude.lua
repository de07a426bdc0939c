-- What the scripts share that ask whether a user is blocked; it stands before each of them.

-- Whether the other side of a direct conversation has blocked this user. The field `blocked` of `meta` names who has blocked the other side, with
-- spaces between two. A topic has no such field.
local function is_blocked(meta, who)
  for by in string.gmatch(redis.call('HGET', meta, 'blocked') or '', '%S+') do
    if by ~= who then return true end
  end
  return false
end
