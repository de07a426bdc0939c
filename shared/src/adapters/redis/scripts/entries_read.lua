-- Reads the inbox entries that changed since a cursor, in the order of their last change; without a cursor, only where the user is now.
-- KEYS: 1 changed, 2 entries, 3 meta
-- ARGV: 1 entries at the most, 2 bytes of entries after which the page ends; the cursor if there is one: 3 epoch, 4 position
-- Returns {epoch, position up to which the page tells, 1 if nothing is missing since the cursor, 1 if more follow, unread in the whole inbox;
-- position of its last change, conversation, entry, …}
local changed, entries, meta = KEYS[1], KEYS[2], KEYS[3]
local most, bytes, since = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local own = redis.call('HMGET', meta, 'epoch', 'position', 'unread')
local answer = {own[1] or '0', own[2] or '0', 0, 0, own[3] or '0'}
-- A slot that was lost has another epoch; one that was set back by a failover ends before the cursor. Position 0 is where every user begins.
local is_ours = since and (since == 0 or ARGV[3] == own[1]) and since <= tonumber(own[2] or 0)
if not is_ours then return answer end
answer[3] = 1

local moved = redis.call('ZRANGEBYSCORE', changed, '(' .. ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
for index = 1, #moved, 2 do
  if index > most * 2 or bytes <= 0 then
    answer[2], answer[4] = string.format('%.0f', moved[index - 1]), 1
    break
  end
  local entry = redis.call('HGET', entries, moved[index]) or ''
  local next = #answer + 1
  answer[next], answer[next + 1], answer[next + 2] = string.format('%.0f', moved[index + 1]), moved[index], entry
  bytes = bytes - #entry
end
return answer
