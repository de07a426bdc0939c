-- What the scripts that change a conversation share; it stands before each of them, after `conversation_prelude.lua`.
-- What an operation did: version, revision, position; then the message's identity (11 bytes) and the hash of the content.
local OPERATION_VERSION, OPERATION = 1, '>I1I7I5'

-- Numbers beyond 2^31 must not become exponents on their way to a command.
local function int(number)
  return string.format('%.0f', number)
end

-- A script never rewrites what a newer release has packed. The client may try again, and meet that release.
local function check(version, known)
  if version > known then error({err = 'NEWER a newer release has written this'}) end
end

local function version_of(record)
  return math.floor(string.byte(record) / 32)
end

local function keep_state(meta, state)
  local packed = struct.pack(STATE, STATE_VERSION, state.clock, state.rev, state.prev, state.ms, state.base, state.gone)
  redis.call('HSET', meta, 'state', packed)
end

-- Gives a change that all members see its revision: a hybrid clock, which only grows and which a failover never gives twice.
local function revise(state, now)
  check(state.version, STATE_VERSION)
  state.clock = math.max(state.clock + 1, now * 1024)
  state.prev, state.rev = state.rev, state.clock
end

-- Moves a member's read position. What a newer release has added behind it stays.
local function keep_read(members, id, packed, seq, clock)
  local role, since, rest = 0, 0, ''
  if packed then
    local version
    version, role, since = struct.unpack(MEMBER, packed)
    check(version, MEMBER_VERSION)
    rest = string.sub(packed, 21)
  end
  redis.call('HSET', members, id, struct.pack(MEMBER, MEMBER_VERSION, role, since, seq, clock) .. rest)
end

-- What every write answers: the change, and the conversation as it is now for each of its members. The Rust side is `answer.rs`.
-- {1 if it was done before, revision of the change, its position and identity; clock, revision, the revision before it, last position, time of
-- the newest message in ms, position of the newest live message; record of the changed message; record of the newest live one, '' if it is the
-- same; for each member: length of the id, id, read position, number of unread messages}
local function decided(log, gone, members, state, done)
  local last = done.last or state.base + redis.call('LLEN', log)
  local latest, newest = last, ''
  if state.gone == last then latest = nth_back(gone, state.base + 1, last, 1) or 0 end
  if latest ~= done.seq and latest > state.base then newest = redis.call('LINDEX', log, latest - state.base - 1) end
  local told, all = {}, redis.call('HGETALL', members)
  for index = 1, #all, 2 do
    local _, _, _, read = struct.unpack(MEMBER, all[index + 1])
    local unread = last - math.max(read, state.base)
    if state.gone > read and unread > 0 then unread = live(gone, math.max(read, state.base) + 1, last) end
    told[#told + 1] = struct.pack('>I1', #all[index]) .. all[index] .. struct.pack('>I5I5', read, unread)
  end
  local head = struct.pack('>I1I7I5', done.again and 1 or 0, done.rev, done.seq) .. done.identity
    .. struct.pack('>I7I7I7I5I6I5', state.clock, state.rev, state.prev, last, state.ms, latest)
  return {head, done.record, newest, table.concat(told)}
end

-- Answers an operation that was done before, as long as it is about the same content.
local function done_before(log, gone, members, state, operation, hash)
  local packed = redis.call('GET', operation)
  if not packed then return nil end
  local version, rev, seq, at = struct.unpack(OPERATION, packed)
  check(version, OPERATION_VERSION)
  if string.sub(packed, at + 11) ~= hash then return {'reused'} end
  local record = seq > state.base and redis.call('LINDEX', log, seq - state.base - 1) or ''
  local identity = string.sub(packed, at, at + 10)
  return decided(log, gone, members, state, {again = true, rev = rev, seq = seq, identity = identity, record = record})
end

local function remember(operation, rev, seq, identity, hash, kept_ms)
  local packed = struct.pack(OPERATION, OPERATION_VERSION, rev, seq) .. identity .. hash
  redis.call('SET', operation, packed, 'PX', kept_ms)
end
