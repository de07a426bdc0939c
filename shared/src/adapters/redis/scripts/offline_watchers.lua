-- Reads who is to be told that a user is offline; nobody if the user came back.
-- KEYS: 1 connections, 2 meta, 3 watchers
-- ARGV: 1 now in ms, 2 how long in ms after the last connection a user counts as online
-- Returns {when last active in ms or 0; the connection and its user, …}
local known = redis.call('HMGET', KEYS[2], 'left', 'active')
local open = redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf')
if open > 0 or tonumber(ARGV[1]) < tonumber(known[1] or 0) + tonumber(ARGV[2]) then return {0} end
return {tonumber(known[2] or 0), unpack(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf'))}
