-- Deletes a message as its author. Its place in the order stays.
-- KEYS: 1 log, 2 meta, 3 members, 4 gone, 5 stamps
-- ARGV: 1 now in ms, 2 seq, 3 identity, 4 who
-- Returns what `decided` returns, or {'not_found'}, {'forbidden'}.
local log, meta, members, gone, stamps = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, seq, identity, who = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local state = read_state(meta)
local record = find(log, state.base, seq, identity)
if not record then return {'not_found'} end
if author_of(record) ~= who then return {'forbidden'} end
local done = {seq = seq, identity = identity, record = record}
if is_deleted(record) then
  -- A repetition changes nothing, but goes on to the inboxes: the first time may have ended before they knew.
  done.again, done.rev = true, changed_at(record) or state.rev
  return decided(log, gone, call('HGETALL', members), state, done)
end

check(version_of(record), RECORD)
state.gone = math.max(state.gone, seq)
revise(meta, state, now)
local head = string.char(string.byte(record) + DELETED) .. string.sub(record, 2, sections_of(record) - 1)
done.rev, done.record = state.rev, head .. pack('>I1I2I7', CHANGED, 7, state.rev)
call('LSET', log, seq - state.base - 1, done.record)
call('ZADD', gone, seq, seq)
call('ZADD', stamps, int(state.rev), seq)
return decided(log, gone, call('HGETALL', members), state, done)
