-- Edits a message as its author, or moves the read position of someone else up to it.
-- KEYS: those of `decision_prelude.lua`, 9 operation, 10 watching, 11 budget, 12 edits
-- ARGV: 1 now in ms, 2 seq, 3 identity, 4 who, 5 '1' if who is no member may still edit an own message, 6 hash of the content, 7 how long the
--       operation is remembered in ms, 8 '1' if others have seen it by this, 9 '1' in a direct conversation, 10 new text, 11 new image, each ''
--       for none, 12 new metadata: '' keeps it, '-' takes it away; 13 and 14 those of `fleeting_prelude.lua`; 15 earlier versions that are kept
--       at the most, 0 for none
-- Returns what `decided` returns, where a position was moved also who has the conversation on the screen and the position; or {'not_member'},
-- {'not_found'}, {'forbidden'}, {'nothing'}, {'reused'}, {'blocked'}, {'too_many_edits'}.
local operation = KEYS[9]
local now, seq, identity, who, hash = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[6]
local state, all = read_state(meta), call('HGETALL', members)
local place = place_of(who, all)
if not place and ARGV[5] ~= '1' then return {'not_member'} end
local record = find(state, seq, identity)
if not record or is_deleted(record) then return {'not_found'} end

if author_of(record) ~= who then
  if ARGV[8] ~= '1' then return {'forbidden'} end
  if not place then return {'not_member'} end
  local is_direct = ARGV[9] == '1'
  local done = move_read(all, place, state, seq, now, is_direct)
  local position = done.seq
  done.seq, done.identity, done.record = seq, identity, record
  local answer = decided(all, state, done)
  answer[4] = (is_direct or done.again) and {} or to_tell(KEYS[10], KEYS[11], now, tonumber(ARGV[13]), tonumber(ARGV[14]))
  answer[5] = position
  return answer
end

local before = done_before(state, operation, hash, who)
if before then return before end
local new = {}
for tag, content in pairs({[TEXT] = ARGV[10], [IMAGE] = ARGV[11]}) do
  if content ~= '' and section(record, tag) then new[tag] = content end
end
if ARGV[12] ~= '' then new[METADATA] = ARGV[12] ~= '-' and ARGV[12] or '' end
if not next(new) then return {ARGV[8] == '1' and 'forbidden' or 'nothing'} end
if is_blocked(state.blocked, who) then return {'blocked'} end
check(version_of(record), RECORD)
local most = tonumber(ARGV[15])
local versions, kept = with_version(KEYS[12], seq, record, most)
-- Harmless edits must not wash out what was said before.
if versions and kept >= most then return {'too_many_edits'} end
revise(state, now)
new[EDITED] = pack('>I6', math.max(now, (unpack('>I6', record, 2))))
new[CHANGED] = pack('>I7', state.rev)
record = rewritten(record, new)
keep_record(state, seq, record)
if versions then call('HSET', KEYS[12], int(seq), versions) end
remember(operation, state, seq, identity, hash, ARGV[7])
return decided(all, state, {rev = state.rev, seq = seq, identity = identity, record = record, by = who})
