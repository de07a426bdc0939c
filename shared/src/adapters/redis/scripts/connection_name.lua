-- Notes which user owns a connection and what the user's token says, for so long or longer.
-- KEYS: 1 connection
-- ARGV: 1 domain, 2 user, 3 how long to note it in ms, 4 the topics that the token names, 5 until when the token is good in ms, '' for ever, 6 when
--       the token was issued in ms, '' if it does not say
-- Returns nothing
local connection = KEYS[1]
redis.call('HSET', connection, 'domain', ARGV[1], 'user', ARGV[2])
for index, field in pairs({[4] = 'topics', [5] = 'until', [6] = 'issued'}) do
  -- Another token may have said more.
  if ARGV[index] ~= '' then redis.call('HSET', connection, field, ARGV[index]) else redis.call('HDEL', connection, field) end
end
-- A token that is renewed shortens nothing.
if redis.call('PTTL', connection) < 0 then redis.call('PEXPIRE', connection, ARGV[3]) else redis.call('PEXPIRE', connection, ARGV[3], 'GT') end
