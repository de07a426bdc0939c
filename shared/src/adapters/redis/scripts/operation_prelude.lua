-- Shared by the scripts that remember what they did; it is put before each of them, after `decision_prelude.lua`.

-- What an operation did: version, revision, the revision before it, position; then the message's identity (11 bytes) and the hash of the content.
local OPERATION_VERSION, OPERATION = 1, '>I1I7I7I5'

-- Answers an operation that was done before, as long as it is about the same content.
local function done_before(state, operation, hash, by)
  local packed = call('GET', operation)
  if not packed then return nil end
  local version, rev, prev, seq, at = unpack(OPERATION, packed)
  check(version, OPERATION_VERSION)
  if string.sub(packed, at + 11) ~= hash then return {'reused'} end
  local record = record_at(state, seq) or ''
  local done = {again = true, rev = rev, prev = prev, seq = seq, identity = string.sub(packed, at, at + 10), record = record, by = by}
  return decided(call('HGETALL', members), state, done)
end

local function remember(operation, state, seq, identity, hash, kept_ms)
  call('SET', operation, pack(OPERATION, OPERATION_VERSION, state.rev, state.prev, seq) .. identity .. hash, 'PX', kept_ms)
end
