-- Asks whether the caller has to hand a job to the queue. If the queue has the job already, a promise of it is kept.
-- KEYS: 1 promised, 2 queued
-- ARGV: 1 now in ms, 2 the job, 3 until when others rely on the caller in ms, 4 the promise, '' if there is none
-- Returns 1 if the caller has to.
local promised, queued, now, job = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
-- Whoever was given these jobs is late or has died; nobody relies on that any more.
redis.call('ZREMRANGEBYSCORE', queued, '-inf', now)
if redis.call('ZSCORE', queued, job) then
  redis.call('ZREM', promised, ARGV[4])
  return 0
end
redis.call('ZADD', queued, ARGV[3], job)
return 1
