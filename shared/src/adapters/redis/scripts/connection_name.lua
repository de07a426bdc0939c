-- Notes which user owns a connection, until it ends at the latest.
-- KEYS: 1 connection
-- ARGV: 1 domain, 2 user, 3 when it expires in ms, 4 the topics that the user's token names
-- Returns nothing
local connection = KEYS[1]
redis.call('HSET', connection, 'domain', ARGV[1], 'user', ARGV[2])
if ARGV[4] ~= '' then redis.call('HSET', connection, 'topics', ARGV[4]) end
redis.call('PEXPIREAT', connection, ARGV[3])
