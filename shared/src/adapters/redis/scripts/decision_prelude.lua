-- Shared by the scripts that change a conversation; it is put before each of them, after the other preludes. `all` is what HGETALL answers for
-- the members of a conversation: id, packed member, …
-- `records()` answers the functions of the other preludes that are seldom needed; a script that mostly does without makes them only then.
-- KEYS of each of them: those of `log_prelude.lua`, 4 members, 5 gone, 6 stamps, 7 mentions, 8 reactions; what only some need comes after.
local members, gone, stamps, mentions, reactions = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

-- Whether somebody has been mentioned and has not read it.
local has_mentions = call('ZCARD', mentions) > 0

-- What every write answers: the change, and the conversation as it is now. The Rust side is `answer.rs`. Flags: 1 if it was done before, 2 if it
-- concerns one member alone and has no revision, 4 if all messages were removed for their age; revision of the change, the revision before it (the same again if that is not known any more), its
-- position and identity; clock, revision, last position, time of the newest message in ms, position of the newest live message.
local DECIDED = '>I1I7I7I5c11I7I7I5I6I5'
local NO_MESSAGE = string.rep('\0', 11)
-- Each member in it: length of the id, id, flags, read position, number of unread messages, of those that mention the member; bits for the
-- reactions to the changed message that are the member's. With the flag TOLD_ALONE the read position that others see (5) follows.
local TOLD, TOLD_LEFT, TOLD_HAS_WRITTEN, TOLD_LEFT_NOW, TOLD_ALONE = '>I1c0I1I5I5I5I3', 1, 2, 4, 8

-- A script never rewrites what a newer release has packed. The client may try again, and meet that release.
local function check(version, known)
  if version > known then error({err = 'NEWER a newer release has written this'}) end
end

-- Takes the next value of the clock, and keeps the state: a hybrid clock, which only grows and which a failover never gives twice. Nothing may be
-- written before, and nothing may fail after it.
local function tick(state, now)
  check(state.version, STATE_VERSION)
  state.clock = math.max(state.clock + 1, now * 1024)
end

local function keep(state)
  local packed = pack(STATE, STATE_VERSION, state.clock, state.rev, state.prev, state.ms, state.base, state.gone, state.sealed)
  call('HSET', meta, 'state', packed)
end

-- The same, and the value becomes the revision of a change that all members see.
local function revise(state, now)
  tick(state, now)
  state.prev, state.rev = state.rev, state.clock
  keep(state)
end

-- Answers {what DECIDED says, and for each member what TOLD says; the changed message; the newest live one, '' if it is the same}. `done.only` is
-- the place of the only member who is told; `done.left` the id of one who has left; `done.by` the caller, who need not be a member.
local function decided(all, state, done)
  local base, last = state.base, done.last or last_position(state)
  local latest = last > base and (state.gone ~= last and last or nth_back(gone, base + 1, last, 1)) or 0
  local newest = latest > 0 and latest ~= done.seq and record_at(state, latest) or ''
  local record, identity, bits = done.record or '', done.identity or NO_MESSAGE, nil
  if newest ~= '' and has_more(newest) then newest = records()(newest, latest, state) end
  if record ~= '' and has_more(record) then
    local shown, reacted = records()
    bits = reacted(reactions, done.seq, record)
    record = shown(record, done.seq, state, reactions, done.by)
  end
  local prev = done.prev or (done.rev == state.rev and state.prev or done.rev)
  local seq, emptied = done.seq or 0, base > 0 and last == base
  local flags = (done.again and 1 or 0) + (done.private and 2 or 0) + (emptied and 4 or 0)
  local told = {pack(DECIDED, flags, done.rev, prev, seq, identity, state.clock, state.rev, last, state.ms, latest)}
  for index = done.only or 1, done.only or #all, 2 do
    local id, role, read, _, others_see = all[index], string.byte(all[index + 1], 2), read_by(all[index + 1])
    local unread, mentioned = last - math.max(read, base), 0
    if state.gone > read and unread > 0 then unread = live(gone, math.max(read, base) + 1, last) end
    -- The last release moves positions, and leaves what was mentioned before them.
    if has_mentions and unread > 0 then
      mentioned = call('ZLEXCOUNT', mentions, '(' .. id .. '\0' .. pack('>I5', math.max(read, base)), '(' .. id .. '\1')
    end
    local flags = (role >= HAS_WRITTEN and TOLD_HAS_WRITTEN or 0) + (others_see < read and TOLD_ALONE or 0)
    told[#told + 1] = pack(TOLD, #id, id, flags, read, unread, mentioned, bits and bits[id] or 0)
    if others_see < read then told[#told + 1] = pack('>I5', others_see) end
  end
  if done.left then
    told[#told + 1] = pack(TOLD, #done.left, done.left, TOLD_LEFT + (done.again and 0 or TOLD_LEFT_NOW), 0, 0, 0, 0)
  end
  return {table.concat(told), record, newest}
end
