-- Adds a message at the end of a conversation; gives it its position, its time and its revision. Its author has read what stands before it.
-- KEYS: those of `decision_prelude.lua`, 9 operation
-- ARGV: 1 now in ms, 2 first byte of the record, 3 its random bytes, 4 the record from the length of the author on, 5 hash of the content, 6 how
--       long the operation is remembered in ms, 7 author, 8 '1' if a non-member may join, else '0', 'never' if the author is the platform,
--       which never becomes a member; 9 members at the most, 10 position and 11 identity of the message that it replies to, '0' and '' for none,
--       12 number of members that it mentions; these; the members of a conversation that begins
-- Returns what `decided` returns; if it was done before, and the author may still read, also what it replies to as it is now; or {'reused'},
-- {'not_member'}, {'blocked'}, {'full ' .. limit}, {'no_reply'}, {'no_mention'}.
local operation = KEYS[9]
local now, hash, author = tonumber(ARGV[1]), ARGV[5], ARGV[7]
local reply, mentioned = tonumber(ARGV[10]), tonumber(ARGV[12])
local state = read_state(meta)
local before = done_before(state, operation, hash)
if before then
  -- A deleted message does not tell any more what it replies to.
  if reply > 0 and before[2] and (ARGV[8] ~= '0' or call('HEXISTS', members, author) == 1) then
    local _, _, _, _, quote = records()
    before[4] = quote(state, pack('>I5', reply) .. ARGV[11])
  end
  return before
end

-- Refuses before anything is written.
local joins = ARGV[8] ~= 'never'
if joins and is_blocked(state.blocked, author) then return {'blocked'} end
local all, first_founder = call('HGETALL', members), 13 + mentioned
local place = place_of(author, all)
if not place and joins then
  if ARGV[8] == '0' then return {'not_member'} end
  if #all >= tonumber(ARGV[9]) * 2 then return {'full ' .. ARGV[9]} end
end
-- `place_of` fails on a member whom a newer release has packed.
for index = first_founder, place and 0 or #ARGV do place_of(ARGV[index], all) end
if mentioned > 0 then
  local known = {[author] = true}
  for index = 1, #all, 2 do known[all[index]] = true end
  for index = first_founder, #ARGV do known[ARGV[index]] = true end
  for index = 13, first_founder - 1 do
    if not known[ARGV[index]] then return {'no_mention'} end
  end
end
if reply > 0 then
  local _, _, find, is_deleted = records()
  local to = find(state, reply, ARGV[11])
  if not to or is_deleted(to) then return {'no_reply'} end
end

-- Order and time never disagree, also when a clock lies behind.
state.ms = math.max(now, state.ms)
revise(state, state.ms)
if not place then
  for index = first_founder, #ARGV do join(all, ARGV[index], state.ms, 0, 0) end
  if joins then place = join(all, author, state.ms, 0, 0) end
  -- The two of a direct conversation are always the same.
  if place and first_founder > #ARGV then note_members(state) end
end
local identity = pack('>I6', state.ms) .. ARGV[3]
local record = ARGV[2] .. identity .. pack('>I7', state.rev) .. ARGV[4]
local seq = append(state, record)
if place then keep_read(all, place, seq, state.clock, true) end
for index = 13, first_founder - 1 do
  if ARGV[index] ~= author then
    has_mentions = true
    call('ZADD', mentions, 0, ARGV[index] .. '\0' .. pack('>I5', seq))
  end
end
remember(operation, state, seq, identity, hash, ARGV[6])
return decided(all, state, {rev = state.rev, seq = seq, last = seq, identity = identity, record = record})
