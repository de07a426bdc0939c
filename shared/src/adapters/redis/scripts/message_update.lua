-- Edits a message as its author, or moves the read position of someone else up to it.
-- KEYS: 1 log, 2 meta, 3 members, 4 gone, 5 operation, 6 stamps
-- ARGV: 1 now in ms, 2 seq, 3 identity, 4 who, 5 hash of the content, 6 how long the operation is remembered in ms, 7 '1' if others have seen it
--       by this, 8 new text, 9 new image, each '' for none, 10 new metadata: '' keeps it, '-' takes it away
-- Returns what `decided` returns, or {'not_found'}, {'forbidden'}, {'nothing'}, {'reused'}.
local log, meta, members, gone, operation, stamps = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now, seq, identity, who, hash = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state = read_state(meta)
local record = find(log, state.base, seq, identity)
if not record or is_deleted(record) then return {'not_found'} end

if author_of(record) ~= who then
  local all = call('HGETALL', members)
  local place = place_of(who, all)
  if ARGV[7] ~= '1' or not place then return {'forbidden'} end
  local _, _, _, read, clock = unpack(MEMBER, all[place + 1])
  -- What had moved it there may have been a send, whose revision says more than this.
  local done = {again = true, rev = clock, prev = clock, seq = seq, identity = identity, record = record}
  if seq > read then
    revise(meta, state, now)
    keep_read(members, all, place, seq, state.clock)
    done.again, done.rev, done.prev = false, state.rev, state.prev
  end
  return decided(log, gone, all, state, done)
end

local before = done_before(log, gone, members, state, operation, hash)
if before then return before end
local new = {}
for tag, content in pairs({[TEXT] = ARGV[8], [IMAGE] = ARGV[9]}) do
  if content ~= '' and section(record, tag) then new[tag] = content end
end
if ARGV[10] ~= '' then new[METADATA] = ARGV[10] ~= '-' and ARGV[10] or '' end
if not next(new) then return {ARGV[7] == '1' and 'forbidden' or 'nothing'} end
check(version_of(record), RECORD)
revise(meta, state, now)
new[EDITED] = pack('>I6', math.max(now, (unpack('>I6', record, 2))))
new[CHANGED] = pack('>I7', state.rev)

local at = sections_of(record)
local parts = {string.sub(record, 1, at - 1)}
while at < #record do
  local tag, length = unpack('>I1I2', record, at)
  if not new[tag] then parts[#parts + 1] = string.sub(record, at, at + 2 + length) end
  at = at + 3 + length
end
for _, tag in ipairs({TEXT, IMAGE, METADATA, EDITED, CHANGED}) do
  local value = new[tag]
  if value and value ~= '' then parts[#parts + 1] = pack('>I1I2', tag, #value) .. value end
end
record = table.concat(parts)
call('LSET', log, seq - state.base - 1, record)
call('ZADD', stamps, int(state.rev), seq)
remember(operation, state, seq, identity, hash, ARGV[6])
return decided(log, gone, call('HGETALL', members), state, {rev = state.rev, seq = seq, identity = identity, record = record})
