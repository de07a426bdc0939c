-- Records a connection of a user, unless there are too many; or until when it is good from now on.
-- KEYS: 1 connections, 2 meta, 3 watchers
-- ARGV: 1 now in ms, 2 connection id, 3 until when it is good in ms, 4 connections at the most, 5 how long in ms after the last connection a user
--       counts as online, 6 until when its handshake may be under way in ms, '' if its end tells that; 7 those that were good until then, in ms, are
--       forgotten
-- Returns {1, or 0 if there are too many; {which are forgotten, …}; who watches the user if the user comes online by it, …}
local connections, meta, watchers = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(ARGV[1])
local overdue = redis.call('ZRANGEBYSCORE', connections, '-inf', ARGV[7], 'LIMIT', 0, ARGV[4])
redis.call('ZREMRANGEBYSCORE', connections, '-inf', ARGV[7])
local known = redis.call('ZSCORE', connections, ARGV[2])
if not known and redis.call('ZCARD', connections) >= tonumber(ARGV[4]) then return {0, overdue} end
local open = redis.call('ZCOUNT', connections, '(' .. ARGV[1], '+inf')
redis.call('ZADD', connections, ARGV[3], ARGV[2])

-- Which handshakes may be under way: until when, and the connection, of each.
local opening = {}
for over, id in string.gmatch(redis.call('HGET', meta, 'opening') or '', '(%d+) (%S+)') do
  if tonumber(over) > now and id ~= ARGV[2] then opening[#opening + 1] = over .. ' ' .. id end
end
if ARGV[6] ~= '' and tonumber(ARGV[6]) > now then opening[#opening + 1] = ARGV[6] .. ' ' .. ARGV[2] end
if #opening > 0 then redis.call('HSET', meta, 'opening', table.concat(opening, ' ')) else redis.call('HDEL', meta, 'opening') end

local left = tonumber(redis.call('HGET', meta, 'left') or 0)
redis.call('HDEL', meta, 'left')
redis.call('HSET', meta, 'active', ARGV[1])
if open > 0 or now < left + tonumber(ARGV[5]) then return {1, overdue} end
return {1, overdue, unpack(redis.call('ZRANGEBYSCORE', watchers, '(' .. ARGV[1], '+inf'))}
