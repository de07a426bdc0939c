-- Reads what changed in a conversation since a revision, in the order of revisions: each message once, in its present state. New messages are
-- found by their position, because their revisions grow with it; the others by their stamps.
-- KEYS: those of `log_prelude.lua`, 4 stamps, 5 reactions, 6 members
-- ARGV: 1 who reads, 2 '1' if only members may, 3 '1' in a direct conversation, 4 revision, 5 how many messages to look at, at the most, 6 bytes of
--       records after which the page ends
-- Returns {1 if the conversation was set back to before that revision, 1 if more follows, revision up to which the page tells, 1 if there are
-- other members since; members who have read since, in a topic only the reader: length of the id, id, read position; seq, record, …}, or
-- {'not_member'}.
local stamps, reader = KEYS[4], ARGV[1]
local since, most, bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if ARGV[2] == '1' and call('HEXISTS', KEYS[6], reader) == 0 then return {'not_member'} end
local state = read_state(meta)
if since > state.rev then return {pack('>I1I1I7I1', 1, 0, state.rev, 1), ''} end

local last = last_position(state)
-- How many records are read at a time.
local FEW = 8

-- The revision that added a message.
local function added_at(record)
  return (unpack('>I7', record, 13))
end
-- Records of new messages by position.
local known = {}
local function new_record(seq)
  if seq > last then return nil end
  if not known[seq] then
    local some = records_between(state, seq, math.min(seq + FEW - 1, last))
    for index, record in ipairs(some) do known[seq + index - 1] = record end
  end
  return known[seq]
end
-- A place near a position, from `lowest` on, and its record: the first of its segment, which is found without the others.
local function near(seq, lowest)
  local number, index = segment_of(seq)
  if seq > state.sealed or seq - index + 1 < lowest then return seq, record_at(state, seq) end
  local _, record = cmsgpack.unpack_one(call('HGET', segments, int(number)))
  return seq - index + 1, record
end

-- The first new message. The search steps back from the end, each time sixteen times as far, because most readers were away for a short time; then it
-- halves what is left, and reads the last few one by one.
local seq, high, back = state.base + 1, last + 1, FEW
while high - seq > FEW do
  local middle, record = near(math.max(math.floor((seq + high) / 2), high - back), seq)
  if added_at(record) > since then high, back = middle, back * 16 else seq = middle + 1 end
end
while new_record(seq) and added_at(new_record(seq)) <= since do seq = seq + 1 end

local stamped = call('ZRANGEBYSCORE', stamps, '(' .. ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
local have_read = readers(KEYS[6], since, reader, ARGV[3] ~= '1')
local answer, stamp, told, more = {'', have_read}, 1, state.rev, 0
for looked = 0, most do
  local record, changed = new_record(seq), tonumber(stamped[stamp + 1])
  local added = record and added_at(record)
  if not added and not changed then told, more = state.rev, 0 break end
  more = 1
  if looked == most or bytes <= 0 then break end
  local of = seq
  if changed and (not added or changed < added) then
    of, told, stamp = tonumber(stamped[stamp]), changed, stamp + 2
    record = record_at(state, of)
  else
    told, seq = added, seq + 1
    -- What was changed since stands among the stamped ones.
    if changed_at(record) then record = nil end
  end
  if record then
    record = shown(record, of, state, KEYS[5], reader)
    answer[#answer + 1], answer[#answer + 2] = of, record
    bytes = bytes - #record
  end
end
local others = tonumber(call('HGET', meta, 'members') or 0) > since
answer[1] = pack('>I1I1I7I1', 0, more, told, others and 1 or 0)
return answer
