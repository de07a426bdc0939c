-- Takes users who are due to be told offline. When nobody is left, nobody looks any more.
-- KEYS: 1 due, 2 looker
-- ARGV: 1 now in ms, 2 until when the caller looks in ms, 3 users at the most
-- Returns {when the next one is due in ms, 0 if nobody is; user, …}
local due, looker = KEYS[1], KEYS[2]
local answer = {0, unpack(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[1], 'LIMIT', 0, ARGV[3]))}
for index = 2, #answer do redis.call('ZREM', due, answer[index]) end
local next = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if next then
  answer[1] = tonumber(next)
elseif redis.call('GET', looker) == ARGV[2] then
  redis.call('DEL', looker)
end
return answer
