-- Takes a conversation from the inbox of a user who is being erased, and notes that it has to be looked at once more. Done again, it changes nothing.
-- KEYS: 1 inbox, 2 entries, 3 changed, 4 hidden, 5 erasing
-- ARGV: 1 the conversation as the user names it, 2 now in ms
-- Returns nothing
local chat = ARGV[1]
redis.call('HDEL', KEYS[2], chat)
redis.call('ZREM', KEYS[1], chat)
redis.call('ZREM', KEYS[4], chat)
-- What comes late, after the end of the erasure, leaves nothing behind.
if redis.call('ZREM', KEYS[3], chat) == 1 then redis.call('ZADD', KEYS[5], ARGV[2], chat) end
