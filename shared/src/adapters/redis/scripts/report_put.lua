-- Keeps a report. Done again, it changes nothing.
-- KEYS: 1 all, 2 open, 3 resolved, 4 records
-- ARGV: 1 now in ms, 2 report, 3 packed report, 4 the most reports
-- Returns {when it was made first in ms}, or {'too_many_reports'}.
local all, open, resolved, records = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, id = ARGV[1], ARGV[2]
local known = redis.call('ZSCORE', all, id)
if known then return {string.format('%.0f', known)} end
if redis.call('ZCARD', all) >= tonumber(ARGV[4]) then
  -- Open reports stay.
  local oldest = redis.call('ZRANGE', resolved, 0, 0)[1]
  if not oldest then return {'too_many_reports'} end
  redis.call('ZREM', all, oldest)
  redis.call('ZREM', resolved, oldest)
  redis.call('HDEL', records, oldest)
end
redis.call('ZADD', all, now, id)
redis.call('ZADD', open, now, id)
redis.call('HSET', records, id, ARGV[3])
return {now}
