-- Takes users who are due to be told offline. They stay due some time later, should the caller not come back to say that it has told them. When
-- nobody is left, nobody looks any more.
-- KEYS: 1 due, 2 looker
-- ARGV: 1 now in ms, 2 until when the caller looks in ms, 3 users at the most, 4 when those it takes are due again in ms, 5 the same of those
--       whom it took before; 6 and on: of these, the users whom it has told
-- Returns {when the next one is due in ms, 0 if nobody is; user, …}
local due, looker = KEYS[1], KEYS[2]
for index = 6, #ARGV do
  -- Who came and went again meanwhile is due another time.
  if tonumber(redis.call('ZSCORE', due, ARGV[index]) or -1) == tonumber(ARGV[5]) then redis.call('ZREM', due, ARGV[index]) end
end
local answer = {0, unpack(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[1], 'LIMIT', 0, ARGV[3]))}
for index = 2, #answer do redis.call('ZADD', due, ARGV[4], answer[index]) end
local next = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
if next then
  answer[1] = tonumber(next)
elseif redis.call('GET', looker) == ARGV[2] then
  redis.call('DEL', looker)
end
return answer
