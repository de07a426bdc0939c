-- Reads a message that is to be reported.
-- KEYS: those of `log_prelude.lua`, 4 members, 5 edits
-- ARGV: 1 who reports, 2 '1' if only members may, 3 seq, 4 identity
-- Returns {the record with the message that it replies to, its kept versions or ''}, or {'not_member'}, {'not_found'}, {'own'}.
local who, seq = ARGV[1], tonumber(ARGV[3])
if ARGV[2] == '1' and call('HEXISTS', KEYS[4], who) == 0 then return {'not_member'} end
local state = read_state(meta)
local record = find(state, seq, ARGV[4])
local versions = call('HGET', KEYS[5], int(seq)) or ''
if not record or is_deleted(record) and versions == '' then return {'not_found'} end
if author_of(record) == who then return {'own'} end
return {shown(record, seq, state), versions}
