-- Notes since when tokens of a user must be issued to count. It only grows.
-- KEYS: 1 meta, 2 connections
-- ARGV: 1 since when in ms
-- Returns {connection, …}: all that the user has, which are to be ended.
local meta = KEYS[1]
if tonumber(ARGV[1]) > tonumber(redis.call('HGET', meta, 'revoked') or 0) then redis.call('HSET', meta, 'revoked', ARGV[1]) end
return redis.call('ZRANGE', KEYS[2], 0, -1)
