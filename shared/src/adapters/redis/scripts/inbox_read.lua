-- Reads a page of an inbox, newest activity first.
-- KEYS: 1 inbox, 2 entries, 3 meta
-- ARGV: 1 index of the first entry, 2 index of the last entry
-- Returns {epoch, the user's position, unread in the whole inbox, entries in the whole inbox; conversation, entry, …}
local inbox, entries, meta = KEYS[1], KEYS[2], KEYS[3]
local own = redis.call('HMGET', meta, 'epoch', 'position', 'unread')
local answer = {own[1] or '0', own[2] or '0', own[3] or '0', redis.call('ZCARD', inbox)}
for _, chat in ipairs(redis.call('ZREVRANGE', inbox, ARGV[1], ARGV[2])) do
  answer[#answer + 1], answer[#answer + 2] = chat, redis.call('HGET', entries, chat) or ''
end
return answer
