-- What the scripts share that move a read position; it stands before each of them, after `member_prelude.lua`.

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
