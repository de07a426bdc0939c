-- Removes the oldest reports, open ones too, if they were made before a time.
-- KEYS: those of `report_put.lua`
-- ARGV: 1 the time in ms, 2 reports at the most
-- Returns 1 if more may follow, else 0.
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, report in ipairs(old) do
  for index = 1, 3 do redis.call('ZREM', KEYS[index], report) end
  redis.call('HDEL', KEYS[4], report)
end
return #old == tonumber(ARGV[2]) and 1 or 0
