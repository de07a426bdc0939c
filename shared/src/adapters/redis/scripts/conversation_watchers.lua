-- Answers which connections have a conversation on the screen, to be told that somebody types.
-- KEYS: 1 watching, 2 members, 3 budget
-- ARGV: 1 now in ms, 2 who asks, 3 '1' if only members may, 4 and 5 those of `fleeting_prelude.lua`
-- Returns {the connection and its user, …}, or {'not_member'}
if ARGV[3] == '1' and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return {'not_member'} end
return to_tell(KEYS[1], KEYS[3], tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5]))
