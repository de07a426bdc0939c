-- Gives a member's reaction to a message, or takes it back. Done again, it changes nothing.
-- KEYS: those of `decision_prelude.lua`
-- ARGV: 1 now in ms, 2 seq, 3 identity, 4 who, 5 reaction, 6 '1' to give it, '0' to take it back, 7 different reactions to a message at the most,
--       8 reactions to it at the most
-- Returns what `decided` returns, or {'not_member'}, {'not_found'}, {'blocked'}, {'too_many'}.
local now, seq, identity, who, reaction = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state, all = read_state(meta), call('HGETALL', members)
if not place_of(who, all) then return {'not_member'} end
local record = find(state, seq, identity)
if not record or is_deleted(record) then return {'not_found'} end

local packed = call('HGET', reactions, int(seq))
local list, total, own = reactions_in(packed), 0, nil
for index, given in ipairs(list) do
  total = total + given.count
  if given.reaction == reaction then own = index end
end
local id, done = '\0' .. who .. '\0', {seq = seq, identity = identity, record = record}
local from, to = nil, nil
if own then from, to = string.find(list[own].users, id, 1, true) end
if (from ~= nil) == (ARGV[6] == '1') then
  done.again, done.rev = true, changed_at(record) or (unpack('>I7', record, 13))
  return decided(all, state, done)
end

if is_blocked(state.blocked, who) then return {'blocked'} end
check(version_of(record), RECORD)
check(packed and string.byte(packed) or SET_VERSION, SET_VERSION)
if from then
  list[own].count = list[own].count - 1
  list[own].users = string.sub(list[own].users, 1, from - 1) .. string.sub(list[own].users, to)
  if list[own].count == 0 then table.remove(list, own) end
else
  if total >= tonumber(ARGV[8]) or not own and #list >= tonumber(ARGV[7]) then return {'too_many'} end
  local given = list[own or #list + 1] or {reaction = reaction, count = 0, users = '\0'}
  given.count, given.users = given.count + 1, '\0' .. who .. given.users
  list[own or #list + 1] = given
end

revise(state, now)
local parts = {string.char(SET_VERSION)}
for _, given in ipairs(list) do
  parts[#parts + 1] = pack(SET, #given.reaction, given.reaction, given.count, #given.users, given.users)
end
if #list > 0 then call('HSET', reactions, int(seq), table.concat(parts)) else call('HDEL', reactions, int(seq)) end
if not has_more(record) then record = string.char(string.byte(record) + MORE) .. string.sub(record, 2) end
record = rewritten(record, {[CHANGED] = pack('>I7', state.rev), [REACTED] = ''})
keep_record(state, seq, record)
done.rev, done.record = state.rev, record
return decided(all, state, done)
