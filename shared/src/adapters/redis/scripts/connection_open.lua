-- Records a connection, or a new end of a known one, if the user may connect. If the user then has too many, the oldest ones end.
-- KEYS: 1 connections, 2 meta, 3 watchers, 4 opened, 5 limits
-- ARGV: 1 now in ms, 2 connection id, 3 until when it is good in ms, 4 connections at the most, 5 how long in ms after the last connection a user
--       counts as online, 6 until when its handshake may be under way in ms, '' if its end tells that; 7 those that were good until then, in ms, have
--       to be ended; 8 when it began in ms, 9 how long a connection lives at the most in ms, 10 when the token was issued in ms or ''; from 11 on the
--       buckets, as `wanted` takes them
-- Returns {'opened', until when the user is near a limit in ms; {connection that has to be ended, …}; if the user comes online by
--         it, the user's watchers, …}, or a refusal as `admit.lua`
local connections, meta, watchers, opened = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, id = tonumber(ARGV[1]), ARGV[2]
local refused = refusal(meta, now, ARGV[10], true)
if refused then return refused end
local near, empty, wait = take(KEYS[5], now, wanted(11))
if empty then return {'wait', empty, wait} end

-- A connection that has to be ended stays in the set, as one that is over: if this caller cannot end it, the next one does, and a ban finds it.
local ended = call('ZRANGEBYSCORE', connections, '-inf', ARGV[7])
local open = call('ZCOUNT', connections, '(' .. ARGV[1], '+inf')
call('ZADD', connections, ARGV[3], id)
call('ZREMRANGEBYSCORE', opened, '-inf', int(now - ARGV[9]))
call('ZADD', opened, 'NX', ARGV[8], id)
call('PEXPIRE', opened, ARGV[9])
local others = {}
for _, other in ipairs(call('ZRANGEBYSCORE', connections, '(' .. ARGV[7], '+inf')) do
  if other ~= id then others[#others + 1] = {id = other, since = tonumber(call('ZSCORE', opened, other) or 0)} end
end
table.sort(others, function(one, other) return one.since < other.since end)
for index = 1, #others + 1 - ARGV[4] do
  local oldest = others[index].id
  call('ZADD', connections, 0, oldest)
  ended[#ended + 1] = oldest
end

-- Which handshakes may be under way: until when, and the connection, of each.
local opening = {}
for over, other in string.gmatch(call('HGET', meta, 'opening') or '', '(%d+) (%S+)') do
  if tonumber(over) > now and other ~= id then opening[#opening + 1] = over .. ' ' .. other end
end
if ARGV[6] ~= '' and tonumber(ARGV[6]) > now then opening[#opening + 1] = ARGV[6] .. ' ' .. id end
if #opening > 0 then call('HSET', meta, 'opening', table.concat(opening, ' ')) else call('HDEL', meta, 'opening') end

local left = tonumber(call('HGET', meta, 'left') or 0)
call('HDEL', meta, 'left')
call('HSET', meta, 'active', ARGV[1])
if open > 0 or now < left + tonumber(ARGV[5]) then return {'opened', int(near), ended} end
return {'opened', int(near), ended, unpack(call('ZRANGEBYSCORE', watchers, '(' .. ARGV[1], '+inf'))}
