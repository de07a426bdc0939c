-- Reads a page of an inbox, newest activity first.
-- KEYS: 1 inbox, 2 chats, 3 meta
-- ARGV: 1 index of the first entry, 2 index of the last entry
-- Returns {total, unread in the whole inbox, conversation, time of the last message in ms, preview, …}
local inbox, chats, meta = KEYS[1], KEYS[2], KEYS[3]
local answer = {redis.call('ZCARD', inbox), tonumber(redis.call('HGET', meta, 'unread') or 0)}
local entries = redis.call('ZREVRANGE', inbox, ARGV[1], ARGV[2], 'WITHSCORES')
for index = 1, #entries, 2 do
  answer[#answer + 1], answer[#answer + 2] = entries[index], tonumber(entries[index + 1])
  answer[#answer + 1] = redis.call('HGET', chats, entries[index]) or ''
end
return answer
