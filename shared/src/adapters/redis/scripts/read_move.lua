-- Moves the read position of a member forward, up to a message or to the end.
-- KEYS: those of `decision_prelude.lua`, 9 watching, 10 budget
-- ARGV: 1 now in ms, 2 who, 3 seq and 4 identity of the message, '0' and '' for the newest, 5 '1' in a direct conversation, 6 and 7 those of `fleeting_prelude.lua`
-- Returns what `decided` returns and who has the conversation on the screen, or {'not_member'}, {'not_found'}, {'empty'}.
local now, who, seq, is_direct = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[5] == '1'
local state, all = read_state(meta), call('HGETALL', members)
local place = place_of(who, all)
if not place and not is_direct then return {'not_member'} end
-- The id of a message that retention removed still says where it stood; there is no record to compare it with.
if seq > state.base then
  local _, _, find = records()
  if not find(state, seq, ARGV[4]) then return {'not_found'} end
end
-- Both sides of a direct conversation are members of it before its first message.
if not place then return {'empty'} end
if seq == 0 then seq = last_position(state) end
local done = move_read(all, place, state, seq, now, is_direct)
local record = record_at(state, done.seq)
done.record = record or ''
if record then done.identity = string.sub(record, 2, 12) end
local answer = decided(all, state, done)
answer[4] = (is_direct or done.again) and {} or to_tell(KEYS[9], KEYS[10], now, tonumber(ARGV[6]), tonumber(ARGV[7]))
return answer
