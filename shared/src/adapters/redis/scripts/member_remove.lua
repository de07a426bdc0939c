-- Removes a member from a topic. Done again, it changes nothing.
-- KEYS: those of `decision_prelude.lua`, 9 watching
-- ARGV: 1 now in ms, 2 the member, 3 who removes, '' for the platform
-- Returns what `decided` returns and the packed member, or {'not_member'}, {'role'}.
local now, id, by = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local state, all = read_state(meta), call('HGETALL', members)
local place = place_of(id, all)
if by ~= '' and by ~= id then
  local acting = place_of(by, all)
  if not acting then return {'not_member'} end
  -- Only who has a higher role may do it.
  local rank = role_at(acting, all)
  if rank == 0 or place and role_at(place, all) >= rank then return {'role'} end
end
local done, packed = {rev = state.rev, left = id}, pack(MEMBER, MEMBER_VERSION, 0, 0, 0, 0)
if not place then
  -- The revision may be that of another change, which this does not tell.
  done.again, done.prev = true, state.rev
else
  revise(state, now)
  packed = all[place + 1]
  table.remove(all, place)
  table.remove(all, place)
  call('HDEL', members, id)
  call('ZREMRANGEBYLEX', mentions, '[' .. id .. '\0', '(' .. id .. '\1')
  for _, watcher in ipairs(call('ZRANGE', KEYS[9], 0, -1)) do
    if string.match(watcher, '^[^:]*:(.*)$') == id then call('ZREM', KEYS[9], watcher) end
  end
  note_members(state)
  done.rev = state.rev
end
local answer = decided(all, state, done)
answer[4] = packed
return answer
