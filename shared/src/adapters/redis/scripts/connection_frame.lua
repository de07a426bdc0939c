-- Takes a frame from the bucket of its connection, and returns the user who owns the connection.
-- KEYS: 1 connection
-- ARGV: 1 now in ms, from 2 on those of `take_frame`
-- Returns {domain, user, topics of its token, until when that is good in ms or '', when it was issued in ms or '', how long to wait in ms, 1 if a
--          write has to be admitted first}, or {} if the connection is not known
local connection = KEYS[1]
local known = redis.call('HMGET', connection, 'domain', 'user', 'topics', 'until', 'issued')
if not known[1] then return {} end
local wait, asks = take_frame(connection, tonumber(ARGV[1]), 2)
return {known[1], known[2], known[3] or '', known[4] or '', known[5] or '', wait, asks}
