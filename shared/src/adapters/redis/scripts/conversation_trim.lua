-- Removes the oldest messages of a conversation, if they were stored before a time. Nobody gets their positions again. This has no revision: clients
-- do not ask for changes because of it. Members are told, because their unread numbers and the newest message may be others now.
-- The field `untold` of `meta` stands from the removal until all members were told. So the next call finds what a function that died left undone.
-- KEYS: those of `decision_prelude.lua`, 8 edits, 9 old
-- ARGV: 1 now in ms, 2 the time in ms, 3 messages at the most, 4 the note of an earlier call after which all members were told, or ''
-- Returns {} if there was nothing to remove, and all members were told; {'more'} if more may follow; else what `decided` returns, and the note.
local now, before, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local untold = call('HGET', meta, 'untold')
if untold and untold == ARGV[4] then
  call('HDEL', meta, 'untold')
  untold = nil
end

local count = 0
while count < most do
  local record = call('LINDEX', log, count)
  if not record or unpack('>I6', record, 2) >= before then break end
  count = count + 1
end
if count == 0 and not untold then return {} end
local state, all = read_state(meta), call('HGETALL', members)
if count > 0 then
  tick(state, now)
  local first = state.base + 1
  state.base = state.base + count
  keep(state)
  untold = int(state.clock)
  call('HSET', meta, 'untold', untold)
  call('LTRIM', log, count, -1)
  call('ZREMRANGEBYSCORE', gone, '-inf', int(state.base))
  for seq = first, state.base do
    local position = int(seq)
    call('ZREM', stamps, position)
    call('HDEL', reactions, position)
    call('HDEL', KEYS[8], position)
  end
  for index = 1, #all, 2 do forget_mentions(all[index], state.base) end
  local imported = call('HGET', KEYS[9], '')
  if imported and unpack('>I5', imported) <= state.base then call('DEL', KEYS[9]) end
end
if count == most then return {'more'} end
local answer = decided(all, state, {rev = state.rev})
answer[4] = untold
return answer
