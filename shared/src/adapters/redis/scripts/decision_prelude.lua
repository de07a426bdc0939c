-- What the scripts that change a conversation share; it stands before each of them, after `conversation_prelude.lua`. `all` is what HGETALL
-- answers for the members of a conversation: id, packed member, …

-- What an operation did: version, revision, the revision before it, position; then the message's identity (11 bytes) and the hash of the content.
local OPERATION_VERSION, OPERATION = 1, '>I1I7I7I5'

-- What every write answers: the change, and the conversation as it is now. The Rust side is `answer.rs`. 1 if it was done before, revision of the
-- change, the revision before it (the same again if that is not known any more), its position and identity; clock, revision, last position, time
-- of the newest message in ms, position of the newest live message.
local DECIDED = '>I1I7I7I5c11I7I7I5I6I5'
-- Each member in it: length of the id, id, read position, number of unread messages.
local TOLD = '>I1c0I5I5'

-- A script never rewrites what a newer release has packed. The client may try again, and meet that release.
local function check(version, known)
  if version > known then error({err = 'NEWER a newer release has written this'}) end
end

-- Gives a change that all members see its revision, and keeps the state: a hybrid clock, which only grows and which a failover never gives twice.
-- Nothing may be written before, and nothing may fail after it.
local function revise(meta, state, now)
  check(state.version, STATE_VERSION)
  state.clock = math.max(state.clock + 1, now * 1024)
  state.prev, state.rev = state.rev, state.clock
  local packed = pack(STATE, STATE_VERSION, state.clock, state.rev, state.prev, state.ms, state.base, state.gone)
  call('HSET', meta, 'state', packed)
end

-- Where a member who can be rewritten stands among all, or nil.
local function place_of(id, all)
  for index = 1, #all, 2 do
    if all[index] == id then
      return index, check(string.byte(all[index + 1]), MEMBER_VERSION)
    end
  end
end

-- Adds a member, who has read nothing yet; returns the place. One who is there already stays as it is.
local function join(members, all, id)
  local place = place_of(id, all) or #all + 1
  if not all[place] then
    all[place], all[place + 1] = id, pack(MEMBER, MEMBER_VERSION, 0, 0, 0, 0)
    call('HSET', members, id, all[place + 1])
  end
  return place
end

-- Moves the read position of the member at that place. What a newer release has added behind it stays.
local function keep_read(members, all, place, seq, clock)
  local member, _, role, since = all[place + 1], unpack(MEMBER, all[place + 1])
  all[place + 1] = pack(MEMBER, MEMBER_VERSION, role, since, seq, clock) .. string.sub(member, 21)
  call('HSET', members, all[place], all[place + 1])
end

-- Answers {what DECIDED says, and for each member what TOLD says; record of the changed message; record of the newest live one, '' if it is the same}.
local function decided(log, gone, all, state, done)
  local base, last = state.base, done.last or state.base + call('LLEN', log)
  local latest = last > base and (state.gone ~= last and last or nth_back(gone, base + 1, last, 1)) or 0
  local newest = latest > 0 and latest ~= done.seq and call('LINDEX', log, latest - base - 1) or ''
  local prev = done.prev or (done.rev == state.rev and state.prev or done.rev)
  local head = pack(DECIDED, done.again and 1 or 0, done.rev, prev, done.seq, done.identity, state.clock, state.rev, last, state.ms, latest)
  for index = 1, #all, 2 do
    local id, _, _, _, read = all[index], unpack(MEMBER, all[index + 1])
    local unread = last - math.max(read, base)
    if state.gone > read and unread > 0 then unread = live(gone, math.max(read, base) + 1, last) end
    head = head .. pack(TOLD, #id, id, read, unread)
  end
  return {head, done.record, newest}
end

-- Answers an operation that was done before, as long as it is about the same content.
local function done_before(log, gone, members, state, operation, hash)
  local packed = call('GET', operation)
  if not packed then return nil end
  local version, rev, prev, seq, at = unpack(OPERATION, packed)
  check(version, OPERATION_VERSION)
  if string.sub(packed, at + 11) ~= hash then return {'reused'} end
  local record = seq > state.base and call('LINDEX', log, seq - state.base - 1) or ''
  local done = {again = true, rev = rev, prev = prev, seq = seq, identity = string.sub(packed, at, at + 10), record = record}
  return decided(log, gone, call('HGETALL', members), state, done)
end

local function remember(operation, state, seq, identity, hash, kept_ms)
  call('SET', operation, pack(OPERATION, OPERATION_VERSION, state.rev, state.prev, seq) .. identity .. hash, 'PX', kept_ms)
end
