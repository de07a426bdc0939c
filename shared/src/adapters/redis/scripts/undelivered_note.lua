-- Remembers that the platform was told of a conversation. An older notice changes nothing.
-- KEYS: 1 noticed
-- ARGV: 1 the conversation as the user names it, 2 position of the newest message that the notice told of, 3 when in ms, 4 for how long in ms
-- Returns nothing
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and tonumber(string.match(known, '^%d+')) >= tonumber(ARGV[2]) then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
