-- Notes what a connection watches while its user's token is good, so that the end of the connection can undo it.
-- KEYS: 1 connection
-- ARGV: 1 now in ms, 2 the conversation as its user names it, '' for none, 3 users with commas between them
-- Returns {domain, user, topics of its token, until when that is good in ms or '', conversation and users that it watched before, when the connection
--          or its token expires in ms}, or {} if it is not known
local connection = KEYS[1]
local known = redis.call('HMGET', connection, 'domain', 'user', 'topics', 'conversation', 'users', 'until')
local left = redis.call('PTTL', connection)
if not known[1] or left < 0 then return {} end
local now = tonumber(ARGV[1])
local expires = math.min(now + left, tonumber(known[6] or now + left))
if expires > now then redis.call('HSET', connection, 'conversation', ARGV[2], 'users', ARGV[3]) end
return {known[1], known[2], known[3] or '', known[6] or '', known[4] or '', known[5] or '', expires}
