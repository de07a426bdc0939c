-- Records a connection of a user, unless there are too many.
-- KEYS: 1 connections
-- ARGV: 1 now in ms, 2 connection id, 3 when it expires in ms, 4 connections at the most
-- Returns 1, or 0 if there are too many
local connections = KEYS[1]
redis.call('ZREMRANGEBYSCORE', connections, '-inf', ARGV[1])
local known = redis.call('ZSCORE', connections, ARGV[2])
if not known and redis.call('ZCARD', connections) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', connections, ARGV[3], ARGV[2])
return 1
