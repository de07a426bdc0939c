-- Notes that a user shall be erased, unless that is under way.
-- KEYS: 1 erasure
-- ARGV: 1 job, 2 'keep' or 'remove', 3 now in ms
-- Returns all fields and their values.
local known = redis.call('HGET', KEYS[1], 'state')
if not known or known == 'done' then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'job', ARGV[1], 'state', 'queued', 'conversations', ARGV[2], 'asked', ARGV[3])
end
return redis.call('HGETALL', KEYS[1])
