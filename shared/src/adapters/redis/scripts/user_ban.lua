-- Bans a user. The ban replaces an earlier one.
-- KEYS: 1 meta, 2 connections
-- ARGV: 1 until when in ms, 2 the reason, '' without one
-- Returns {connection, …}: all connections of the user, which the caller must end.
local meta = KEYS[1]
redis.call('HSET', meta, 'banned', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', meta, 'ban_reason', ARGV[2]) else redis.call('HDEL', meta, 'ban_reason') end
return redis.call('ZRANGE', KEYS[2], 0, -1)
