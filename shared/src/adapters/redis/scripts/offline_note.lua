-- Notes that the watchers of a user are due to be told that the user is offline.
-- KEYS: 1 due, 2 looker
-- ARGV: 1 now in ms, 2 user, 3 when due in ms, 4 until when the caller can look in ms
-- Returns 1 if the caller has to look who is due, because nobody looks long enough; else 0
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
if tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[2], ARGV[4], 'PXAT', ARGV[4])
return 1
