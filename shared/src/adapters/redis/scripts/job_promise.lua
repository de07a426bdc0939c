-- Promises a job.
-- KEYS: 1 promised, 2 queued
-- ARGV: 1 now in ms, 2 the promise
-- Returns nothing
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
