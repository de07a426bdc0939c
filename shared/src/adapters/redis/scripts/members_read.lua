-- Reads the members of a topic.
-- KEYS: 1 members
-- ARGV: 1 who reads, 2 '1' if only members may
-- Returns {member, packed member, …}, or {'not_member'}.
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return {'not_member'} end
return redis.call('HGETALL', KEYS[1])
