-- Adds a member to a topic, or gives one another role.
-- KEYS: those of `decision_prelude.lua`
-- ARGV: 1 now in ms, 2 the member, 3 role, '' for the one that the member has, or the lowest, 4 who adds, '' for the platform, 5 '1' if who is no
--       member may join, and members may add others, 6 members at the most
-- Returns what `decided` returns and the packed member, or {'not_member'}, {'role'}, {'full ' .. limit}.
local now, id, by = tonumber(ARGV[1]), ARGV[2], ARGV[4]
local state, all = read_state(meta), call('HGETALL', members)
local place = place_of(id, all)
local had = place and role_at(place, all)
local role = tonumber(ARGV[3]) or had or 0
if by ~= '' then
  local acting = place_of(by, all)
  local rank = acting and role_at(acting, all)
  if not acting and (by ~= id or ARGV[5] ~= '1') then return {'not_member'} end
  -- Allowed: to name the role that a member has already; to add a plain member, for those who may add; to give a role, for owners. An owner gives
  -- only roles below owner, and only to those below owner; to add somebody with a role, the owner must be able to add.
  local may_add = ARGV[5] == '1' and (by == id or rank > 0)
  local may_give = rank == 2 and role < 2 and (had or 0) < 2
  if not (had and role == had or not had and role == 0 and may_add or may_give and (had or may_add)) then return {'role'} end
end
if not place and #all >= tonumber(ARGV[6]) * 2 then return {'full ' .. ARGV[6]} end

local done = {rev = state.rev}
if had == role then
  -- The revision may be that of another change, which this does not tell.
  done.again, done.prev = true, state.rev
else
  -- A topic in which nobody has written stands in inboxes by when it began.
  if state.ms == 0 then state.ms = now end
  revise(state, now)
  if not place then place = join(all, id, now, last_position(state), state.clock) end
  local _, packed, since, read, clock = unpack(MEMBER, all[place + 1])
  keep_member(all, place, packed - packed % HAS_WRITTEN + role, since, read, clock)
  note_members(state)
  done.rev = state.rev
end
local answer = decided(all, state, done)
answer[4] = all[place + 1]
return answer
