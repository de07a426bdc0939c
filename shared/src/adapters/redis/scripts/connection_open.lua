-- Records a connection of a user, unless there are too many.
-- KEYS: 1 connections, 2 meta, 3 watchers
-- ARGV: 1 now in ms, 2 connection id, 3 when it expires in ms, 4 connections at the most, 5 how long in ms after the last connection a user counts
--       as online
-- Returns {1, or 0 if there are too many; who watches the user if the user comes online by it, …}
local connections, meta, watchers = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', connections, '-inf', ARGV[1])
local open = redis.call('ZCARD', connections)
if not redis.call('ZSCORE', connections, ARGV[2]) and open >= tonumber(ARGV[4]) then return {0} end
redis.call('ZADD', connections, ARGV[3], ARGV[2])
local left = tonumber(redis.call('HGET', meta, 'left') or 0)
redis.call('HDEL', meta, 'left')
redis.call('HSET', meta, 'active', ARGV[1])
if open > 0 or now < left + tonumber(ARGV[5]) then return {1} end
return {1, unpack(redis.call('ZRANGEBYSCORE', watchers, '(' .. ARGV[1], '+inf'))}
