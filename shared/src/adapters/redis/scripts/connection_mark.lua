-- Notes that the user who owns a connection is near a limit, if the connection is still known and has noted no later time.
-- KEYS: 1 connection
-- ARGV: 1 until when in ms
-- Returns nothing
local connection = KEYS[1]
local known = redis.call('HMGET', connection, 'user', 'near')
if known[1] and tonumber(known[2] or 0) < tonumber(ARGV[1]) then redis.call('HSET', connection, 'near', ARGV[1]) end
