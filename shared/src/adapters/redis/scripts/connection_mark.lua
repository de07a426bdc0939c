-- Notes that the user who owns a connection is near a limit, if the connection is still known.
-- KEYS: 1 connection
-- ARGV: 1 until when in ms
-- Returns nothing
local connection = KEYS[1]
if redis.call('HEXISTS', connection, 'user') == 1 then redis.call('HSET', connection, 'near', ARGV[1]) end
