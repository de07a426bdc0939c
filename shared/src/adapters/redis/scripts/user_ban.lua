-- Bans a user, in place of a ban before.
-- KEYS: 1 meta, 2 connections
-- ARGV: 1 until when in ms, 2 why, '' without a reason
-- Returns {connection, …}: all that the user has, which are to be ended.
local meta = KEYS[1]
redis.call('HSET', meta, 'banned', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', meta, 'ban_reason', ARGV[2]) else redis.call('HDEL', meta, 'ban_reason') end
return redis.call('ZRANGE', KEYS[2], 0, -1)
