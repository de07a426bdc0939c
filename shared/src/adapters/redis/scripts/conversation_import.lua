-- Takes over messages and members of a conversation from the server before ours. Messages get their positions in the order in which they come, and
-- revisions of the time when they were sent. The step may be repeated. It refuses once anything else has changed the conversation.
-- KEYS: those of `decision_prelude.lua`, 9 old
-- ARGV: 1 how many messages were taken over before these, 2 time of the last activity in ms, 3 members at the most, 4 number of messages; of each
--       the old id or '', the record before its revision and the record behind it; then of each member the id, since when in ms, the position up
--       to which the member has read, '1' if the member has written
-- Returns what `decided` returns, of a single member the place alone; or {'in_use'}, {'empty'}, {'full'}.
local old, before, activity, count = KEYS[9], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local first_member = 5 + count * 3
local state, all = read_state(meta), call('HGETALL', members)
local known, taken, clock = call('HGET', old, ''), 0, 0
if known then taken, clock = unpack('>I5I7', known) end
if state.clock ~= clock or taken < before then return {'in_use'} end
if taken + count == 0 then return {'empty'} end
local joining = 0
for at = first_member, #ARGV, 4 do
  if not place_of(ARGV[at], all) then joining = joining + 1 end
end
if #all / 2 + joining > tonumber(ARGV[3]) then return {'full'} end
-- Everything that can fail comes before the first write.
check(state.version, STATE_VERSION)

for index = taken - before + 1, count do
  local at = 2 + index * 3
  local head = ARGV[at + 1]
  local ms = unpack('>I6', head, 2)
  state.ms = math.max(state.ms, ms)
  tick(state, ms)
  state.prev, state.rev = state.rev, state.clock
  local seq = append(state, head .. pack('>I7', state.rev) .. ARGV[at + 2])
  if ARGV[at] ~= '' then call('HSET', old, ARGV[at], pack('>I5', seq) .. string.sub(head, 2, 12)) end
  taken = seq
end
local place
for at = first_member, #ARGV, 4 do
  local read = tonumber(ARGV[at + 2])
  place = place_of(ARGV[at], all)
  if not place or read > read_by(all[place + 1]) then
    -- Inboxes take only what is newer than what they know.
    tick(state, state.ms)
    state.prev, state.rev = state.rev, state.clock
    place = join(all, ARGV[at], tonumber(ARGV[at + 1]), 0, state.clock)
    keep_read(all, place, read, state.clock, ARGV[at + 3] == '1')
  end
end
if joining > 0 then note_members(state) end
state.ms = math.max(state.ms, activity)
keep(state)
call('HSET', old, '', pack('>I5I7', taken, state.clock))
return decided(all, state, {rev = state.rev, only = #ARGV == first_member + 3 and place or nil})
