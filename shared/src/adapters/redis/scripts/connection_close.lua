-- Forgets a connection of a user. A user whom somebody watches counts as online for some seconds more. A user whom nobody watches is offline at
-- once: no function would tell the end of these seconds to those who begin to watch meanwhile.
-- KEYS: 1 connections, 2 meta, 3 watchers, 4 opened
-- ARGV: 1 now in ms, 2 connection id
-- Returns 1 if the user has no other, and somebody watches the user; else 0
local connections, meta, watchers = KEYS[1], KEYS[2], KEYS[3]
local removed = redis.call('ZREM', connections, ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[2])
if removed == 0 or redis.call('ZCOUNT', connections, '(' .. ARGV[1], '+inf') > 0 then return 0 end
redis.call('HSET', meta, 'active', ARGV[1])
if redis.call('ZCOUNT', watchers, '(' .. ARGV[1], '+inf') == 0 then return 0 end
redis.call('HSET', meta, 'left', ARGV[1])
return 1
