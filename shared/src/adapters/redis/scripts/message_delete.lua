-- Deletes a message as its author, as a moderator of the topic, or as the platform. Its place in the order stays.
-- KEYS: those of `decision_prelude.lua`, 9 edits
-- ARGV: 1 now in ms, 2 seq, 3 identity, 4 who, '' for the platform, 5 '1' if a non-member may still delete an own
--       message, 6 '0' if no earlier versions are kept
-- Returns what `decided` returns, or {'not_found'}, {'forbidden'}, {'not_member'}.

-- Calls back with each id of a list of ids after their lengths.
local function each_id(list, use)
  local at = 1
  while list and at <= #list do
    local id
    id, at = unpack('>I1c0', list, at)
    use(id)
  end
end

local now, seq, identity, who = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local state, all = read_state(meta), call('HGETALL', members)
local place = place_of(who, all)
if not place and ARGV[5] ~= '1' then return {'not_member'} end
local record = find(state, seq, identity)
if not record then return {'not_found'} end
local may = who == '' or author_of(record) == who or place and role_at(place, all) > 0
if not may then return {'forbidden'} end
local done = {seq = seq, identity = identity, record = record}
if is_deleted(record) then
  -- A repetition changes nothing, but goes on to the inboxes: the first time may have ended before they knew.
  done.again, done.rev = true, changed_at(record) or state.rev
  if ARGV[6] == '0' then call('HDEL', KEYS[9], int(seq)) end
  return decided(all, state, done)
end

check(version_of(record), RECORD)
local versions = with_version(KEYS[9], seq, record, tonumber(ARGV[6]))
state.gone = math.max(state.gone, seq)
revise(state, now)
each_id(section(record, MENTIONS), function(id) call('ZREM', mentions, id .. '\0' .. pack('>I5', seq)) end)
if has_more(record) then call('HDEL', reactions, int(seq)) end
local head = string.char(RECORD * 32 + DELETED) .. string.sub(record, 2, sections_of(record) - 1)
done.rev, done.record = state.rev, head .. pack('>I1I2I7', CHANGED, 7, state.rev)
keep_record(state, seq, done.record)
call('ZADD', gone, seq, seq)
if versions then call('HSET', KEYS[9], int(seq), versions) else call('HDEL', KEYS[9], int(seq)) end
return decided(all, state, done)
