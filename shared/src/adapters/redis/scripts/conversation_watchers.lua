-- Reads which connections have a conversation on the screen.
-- KEYS: 1 watching, 2 members
-- ARGV: 1 now in ms, 2 who asks, 3 '1' if only members may
-- Returns {the connection and its user, …}, or {'not_member'}
if ARGV[3] == '1' and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return {'not_member'} end
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')
