-- Removes the oldest messages of a conversation, if they were stored before a time. Nobody gets their positions again. This has no revision: clients
-- do not ask for changes because of it. Members are told, because their unread numbers and the newest message may be others now.
-- The field `untold` of `meta` stands from the removal until all members were told. So the next call finds what a function that died left undone.
-- KEYS: those of `decision_prelude.lua`, 9 edits, 10 old
-- ARGV: 1 now in ms, 2 the time in ms, 3 messages at the most, 4 the note of an earlier call after which all members were told, or ''
-- Returns {} if there was nothing to remove, and all members were told; {'more'} if more may follow; else what `decided` returns, and the note.
local now, before, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local untold = call('HGET', meta, 'untold')
if untold and untold == ARGV[4] then
  call('HDEL', meta, 'untold')
  untold = nil
end

-- Moves the records up to a position away.
local function drop(state, last)
  local stop = math.min(last, state.sealed)
  for number = segment_of(state.base + 1), stop > state.base and segment_of(stop) or 0 do
    if number * SEGMENT <= last then
      call('HDEL', segments, int(number))
    else
      local held = open_segment(number)
      for index = 1, last - (number - 1) * SEGMENT do held[index] = '' end
      call('HSET', segments, int(number), cmsgpack.pack(_G.unpack(held)))
    end
  end
  if last > state.sealed then call('LTRIM', log, last - state.sealed, -1) end
  state.base, state.sealed = last, math.max(last, state.sealed)
end

local state, count = read_state(meta), 0
while count < most do
  local record = record_at(state, state.base + count + 1)
  if not record or unpack('>I6', record, 2) >= before then break end
  count = count + 1
end
if count == 0 and not untold then return {} end
local all = call('HGETALL', members)
if count > 0 then
  tick(state, now)
  local first = state.base + 1
  drop(state, state.base + count)
  keep(state)
  untold = int(state.clock)
  call('HSET', meta, 'untold', untold)
  call('ZREMRANGEBYSCORE', gone, '-inf', int(state.base))
  for seq = first, state.base do
    local position = int(seq)
    call('ZREM', stamps, position)
    call('HDEL', reactions, position)
    call('HDEL', KEYS[9], position)
  end
  for index = 1, #all, 2 do forget_mentions(all[index], state.base) end
  local imported = call('HGET', KEYS[10], '')
  if imported and unpack('>I5', imported) <= state.base then call('DEL', KEYS[10]) end
end
if count == most then return {'more'} end
local answer = decided(all, state, {rev = state.rev})
answer[4] = untold
return answer
