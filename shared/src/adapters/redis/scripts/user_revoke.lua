-- Revokes the tokens of a user that were issued before a time. The noted time only grows.
-- KEYS: 1 meta, 2 connections
-- ARGV: 1 the time in ms
-- Returns {connection, …}: all connections of the user, which the caller must end.
local meta = KEYS[1]
if tonumber(ARGV[1]) > tonumber(redis.call('HGET', meta, 'revoked') or 0) then redis.call('HSET', meta, 'revoked', ARGV[1]) end
return redis.call('ZRANGE', KEYS[2], 0, -1)
