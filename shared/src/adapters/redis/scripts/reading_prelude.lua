-- Shared by the scripts that move a read position; it is put before each of them, after `member_prelude.lua` and `block_prelude.lua`.

-- Moves the read position of a member whom the other side has blocked. Only that member is told.
local function keep_alone(all, place, seq, clock)
  local packed = all[place + 1]
  local rest = string.sub(packed, MEMBER_BYTES + ALONE_BYTES + 1)
  all[place + 1] = string.sub(packed, 1, MEMBER_BYTES) .. pack(ALONE, seq, clock) .. rest
  call('HSET', members, all[place], all[place + 1])
  forget_mentions(all[place], seq)
end

-- Moves the read position of the member at that place forward. In a direct conversation that is a change that both sides see. In a topic, and while
-- the other side has blocked the member, only the reader sees it and it has no revision. The first move after a block shows both sides the whole.
local function move_read(all, place, state, seq, now, is_direct)
  local own, _, shown, shown_at = read_by(all[place + 1])
  local blocked = is_direct and is_blocked(state.blocked, all[place])
  local has_rev = is_direct and not blocked
  seq = math.max(own, seq)
  -- What had moved it there may have been a send, whose revision says more than this.
  local done = {again = true, rev = has_rev and shown_at or state.rev, seq = seq, private = not has_rev}
  done.prev = done.rev
  if seq > (has_rev and shown or own) then
    done.again = false
    if has_rev then
      revise(state, now)
      done.rev, done.prev = state.rev, state.prev
    else
      tick(state, now)
      keep(state)
    end
    if blocked then keep_alone(all, place, seq, state.clock) else keep_read(all, place, seq, state.clock) end
  end
  if not is_direct then done.only = place end
  return done
end
