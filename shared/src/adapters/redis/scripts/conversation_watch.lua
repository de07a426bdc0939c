-- Has a connection told what is fleeting in a conversation, unless too many are.
-- KEYS: 1 watching, 2 members
-- ARGV: 1 now in ms, 2 who, 3 '1' if only members may, 4 the connection and its user, 5 when it expires in ms, 6 connections at the most
-- Returns 1 if the user is a member, else 0; or {'not_member'}
local watching = KEYS[1]
local is_member = redis.call('HEXISTS', KEYS[2], ARGV[2])
if ARGV[3] == '1' and is_member == 0 then return {'not_member'} end
redis.call('ZREMRANGEBYSCORE', watching, '-inf', ARGV[1])
if redis.call('ZSCORE', watching, ARGV[4]) or redis.call('ZCARD', watching) < tonumber(ARGV[6]) then
  redis.call('ZADD', watching, ARGV[5], ARGV[4])
  redis.call('PEXPIREAT', watching, redis.call('ZRANGE', watching, -1, -1, 'WITHSCORES')[2])
end
return {is_member}
