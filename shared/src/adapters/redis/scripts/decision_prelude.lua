-- What the scripts that change a conversation share; it stands before each of them, after the other preludes. `all` is what HGETALL answers for
-- the members of a conversation: id, packed member, …
-- KEYS of each of them: 1 log, 2 meta, 3 members, 4 gone, 5 stamps, 6 mentions, 7 reactions; what only some need comes after.
local log, meta, members, gone, stamps, mentions, reactions = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]

-- What an operation did: version, revision, the revision before it, position; then the message's identity (11 bytes) and the hash of the content.
local OPERATION_VERSION, OPERATION = 1, '>I1I7I7I5'

-- What every write answers: the change, and the conversation as it is now. The Rust side is `answer.rs`. 1 if it was done before, revision of the
-- change, the revision before it (the same again if that is not known any more), its position and identity; clock, revision, last position, time
-- of the newest message in ms, position of the newest live message.
local DECIDED = '>I1I7I7I5c11I7I7I5I6I5'
local NO_MESSAGE = string.rep('\0', 11)
-- Each member in it: length of the id, id, flags, read position, number of unread messages, of those that mention the member; bits for the
-- reactions to the changed message that are the member's.
local TOLD, TOLD_LEFT, TOLD_HAS_WRITTEN = '>I1c0I1I5I5I5I3', 1, 2

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
  local packed = pack(STATE, STATE_VERSION, state.clock, state.rev, state.prev, state.ms, state.base, state.gone)
  call('HSET', meta, 'state', packed)
end

-- The same, and the value becomes the revision of a change that all members see.
local function revise(state, now)
  tick(state, now)
  state.prev, state.rev = state.rev, state.clock
  keep(state)
end

-- Notes that other members are there since this revision, so that clients who were away load them anew.
local function note_members(state)
  call('HSET', meta, 'members', int(state.rev))
end

-- Where a member who can be rewritten stands among all, or nil.
local function place_of(id, all)
  for index = 1, #all, 2 do
    if all[index] == id then
      return index, check(string.byte(all[index + 1]), MEMBER_VERSION)
    end
  end
end

-- The role of the member at that place: 0 member, 1 moderator, 2 owner.
local function role_at(place, all)
  return string.byte(all[place + 1], 2) % HAS_WRITTEN
end

-- Adds a member; returns the place. One who is there already stays as it is.
local function join(all, id, ms, read, clock)
  local place = place_of(id, all) or #all + 1
  if not all[place] then
    all[place], all[place + 1] = id, pack(MEMBER, MEMBER_VERSION, 0, ms, read, clock)
    call('HSET', members, id, all[place + 1])
  end
  return place
end

-- Rewrites the member at that place. What a newer release has added behind it stays.
local function keep_member(all, place, role, since, read, clock)
  all[place + 1] = pack(MEMBER, MEMBER_VERSION, role, since, read, clock) .. string.sub(all[place + 1], 21)
  call('HSET', members, all[place], all[place + 1])
end

-- Moves the read position of the member at that place; what was mentioned up to there is read.
local function keep_read(all, place, seq, clock, has_written)
  local id, _, role, since = all[place], unpack(MEMBER, all[place + 1])
  if has_written and role < HAS_WRITTEN then role = role + HAS_WRITTEN end
  keep_member(all, place, role, since, seq, clock)
  call('ZREMRANGEBYLEX', mentions, '[' .. id .. '\0', '[' .. id .. '\0' .. pack('>I5', seq))
end

-- A mention of a member: the members of `mentions` are sorted, so that those of one member are counted as a range.
local function mention(id, seq)
  return id .. '\0' .. pack('>I5', seq)
end

-- Calls back with each id of a list of ids after their lengths.
local function each_id(list, use)
  local at = 1
  while list and at <= #list do
    local id
    id, at = unpack('>I1c0', list, at)
    use(id)
  end
end

-- A record with new values for some sections, by tag; '' takes one away.
local function rewritten(record, new)
  local at = sections_of(record)
  local parts = {string.sub(record, 1, at - 1)}
  while at < #record do
    local tag, length = unpack('>I1I2', record, at)
    if not new[tag] then parts[#parts + 1] = string.sub(record, at, at + 2 + length) end
    at = at + 3 + length
  end
  for tag = TEXT, REACTED do
    local value = new[tag]
    if value and (value ~= '' or tag == REACTED) then parts[#parts + 1] = pack('>I1I2', tag, #value) .. value end
  end
  return table.concat(parts)
end

-- Keeps the record of a message that was changed after it was sent.
local function keep_record(state, seq, record)
  call('LSET', log, seq - state.base - 1, record)
  call('ZADD', stamps, int(state.rev), seq)
end

-- Who has given which of the reactions to a message: id → bits, the lowest for the first.
local function reacted(seq, record)
  local bits = {}
  if record == '' or not has_more(record) then return bits end
  for index, given in ipairs(reactions_in(call('HGET', reactions, int(seq)))) do
    for id in string.gmatch(given.users, '[^%z]+') do bits[id] = (bits[id] or 0) + 2 ^ (index - 1) end
  end
  return bits
end

-- Answers {what DECIDED says, and for each member what TOLD says; the changed message; the newest live one, '' if it is the same}. `done.only` is
-- the place of the one member whom it concerns; `done.left` the id of one who has left.
local function decided(all, state, done)
  local base, last = state.base, done.last or state.base + call('LLEN', log)
  local latest = last > base and (state.gone ~= last and last or nth_back(gone, base + 1, last, 1)) or 0
  local newest = latest > 0 and latest ~= done.seq and shown(call('LINDEX', log, latest - base - 1), latest, log, base) or ''
  local record, identity = done.record or '', done.identity or NO_MESSAGE
  local prev = done.prev or (done.rev == state.rev and state.prev or done.rev)
  local told = {
    pack(DECIDED, done.again and 1 or 0, done.rev, prev, done.seq or 0, identity, state.clock, state.rev, last, state.ms, latest),
  }
  local bits, has_mentions = reacted(done.seq, record), call('ZCARD', mentions) > 0
  for index = done.only or 1, done.only or #all, 2 do
    local id, _, role, _, read = all[index], unpack(MEMBER, all[index + 1])
    local unread, mentioned = last - math.max(read, base), 0
    if state.gone > read and unread > 0 then unread = live(gone, math.max(read, base) + 1, last) end
    if has_mentions then mentioned = call('ZLEXCOUNT', mentions, '[' .. id .. '\0', '(' .. id .. '\1') end
    local flags = role >= HAS_WRITTEN and TOLD_HAS_WRITTEN or 0
    told[#told + 1] = pack(TOLD, #id, id, flags, read, unread, mentioned, bits[id] or 0)
  end
  if done.left then told[#told + 1] = pack(TOLD, #done.left, done.left, TOLD_LEFT, 0, 0, 0, 0) end
  return {table.concat(told), shown(record, done.seq, log, base, reactions), newest}
end

-- Answers an operation that was done before, as long as it is about the same content.
local function done_before(state, operation, hash)
  local packed = call('GET', operation)
  if not packed then return nil end
  local version, rev, prev, seq, at = unpack(OPERATION, packed)
  check(version, OPERATION_VERSION)
  if string.sub(packed, at + 11) ~= hash then return {'reused'} end
  local record = seq > state.base and call('LINDEX', log, seq - state.base - 1) or ''
  local done = {again = true, rev = rev, prev = prev, seq = seq, identity = string.sub(packed, at, at + 10), record = record}
  return decided(call('HGETALL', members), state, done)
end

local function remember(operation, state, seq, identity, hash, kept_ms)
  call('SET', operation, pack(OPERATION, OPERATION_VERSION, state.rev, state.prev, seq) .. identity .. hash, 'PX', kept_ms)
end

-- Moves the read position of the member at that place forward. In a direct conversation that is a change that both sides see; in a topic it
-- concerns the reader alone, and has no revision.
local function move_read(all, place, state, seq, now, is_direct)
  local _, _, _, read, clock = unpack(MEMBER, all[place + 1])
  -- What had moved it there may have been a send, whose revision says more than this.
  local done = {again = true, rev = is_direct and clock or state.rev, prev = is_direct and clock or state.rev, seq = math.max(read, seq)}
  if seq > read then
    done.again = false
    if is_direct then
      revise(state, now)
      done.rev, done.prev = state.rev, state.prev
    else
      tick(state, now)
      keep(state)
    end
    keep_read(all, place, seq, state.clock)
  end
  if not is_direct then done.only = place end
  return done
end
