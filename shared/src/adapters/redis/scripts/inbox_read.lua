-- Reads a page of an inbox, or of what is hidden in it: pinned conversations first, then by the newest activity.
-- KEYS: 1 inbox or hidden, 2 entries, 3 meta
-- ARGV: 1 entries at the most, 2 how many to skip; or 2 '', and the place behind which it begins: 3 order, 4 conversation
-- Returns {epoch, the user's position, unread in the whole inbox, entries in all, 1 if more follow; conversation, order, entry, …}
local inbox, entries, meta = KEYS[1], KEYS[2], KEYS[3]
local most, skipped = tonumber(ARGV[1]), tonumber(ARGV[2])
if not skipped then
  local order, chat = ARGV[3], ARGV[4]
  if tonumber(redis.call('ZSCORE', inbox, chat) or -1) == tonumber(order) then
    skipped = redis.call('ZREVRANK', inbox, chat) + 1
  else
    -- It has moved since. Those of one time are in the order of their names, the highest first.
    skipped = redis.call('ZCOUNT', inbox, '(' .. order, '+inf')
    for _, other in ipairs(redis.call('ZREVRANGEBYSCORE', inbox, order, order)) do
      if other > chat then skipped = skipped + 1 end
    end
  end
end
local own = redis.call('HMGET', meta, 'epoch', 'position', 'unread')
local found = redis.call('ZREVRANGE', inbox, skipped, skipped + most, 'WITHSCORES')
local answer = {own[1] or '0', own[2] or '0', own[3] or '0', redis.call('ZCARD', inbox), #found > most * 2 and 1 or 0}
for index = 1, math.min(#found, most * 2), 2 do
  local next = #answer + 1
  answer[next], answer[next + 1] = found[index], string.format('%.0f', found[index + 1])
  answer[next + 2] = redis.call('HGET', entries, found[index]) or ''
end
return answer
