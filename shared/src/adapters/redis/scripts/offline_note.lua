-- Notes that the watchers of a user are due to be told that the user is offline.
-- KEYS: 1 due, 2 looker
-- ARGV: 1 user, 2 when due in ms, 3 until when the caller can look in ms, 0 if it cannot
-- Returns 1 if the caller has to look who is due, because nobody looks long enough; else 0
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if ARGV[3] == '0' or tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[2], ARGV[3], 'PXAT', ARGV[3])
return 1
