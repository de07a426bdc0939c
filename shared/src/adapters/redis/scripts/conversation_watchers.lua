-- Answers which connections have a conversation on the screen, to be told that somebody types.
-- KEYS: 1 watching, 2 members, 3 budget, 4 meta
-- ARGV: 1 now in ms, 2 who asks, 3 '1' if only members may, 4 and 5 those of `fleeting_prelude.lua`
-- Returns {connection and its user, …}, {} if the other side has blocked the user; or {'not_member'}
if ARGV[3] == '1' and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return {'not_member'} end
if is_blocked(redis.call('HGET', KEYS[4], 'blocked'), ARGV[2]) then return {} end
return to_tell(KEYS[1], KEYS[3], tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5]))
