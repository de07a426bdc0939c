-- Reads a user's event log from a cursor on; without a cursor, only where it ends.
-- KEYS: 1 events, 2 meta
-- ARGV: 1 epoch for a log that begins now, 2 how many at the most; the cursor if there is one: 3 epoch, 4 position, 5 time of the event there
-- Returns {epoch, position of the last event, its time in ms, 1 if nothing is missing since the cursor, event, …}
local events, meta = KEYS[1], KEYS[2]
local count, epoch, position, ms = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSETNX', meta, 'epoch', ARGV[1])
local base = tonumber(redis.call('HGET', meta, 'base') or 0)
local last = base + redis.call('LLEN', events)

-- The time of the event at a position; before the first one that is kept, of the last one that is not.
local function time_at(place)
  local event = place > base and redis.call('LINDEX', events, place - base - 1)
  return event and struct.unpack('>I6', event, 2) or tonumber(redis.call('HGET', meta, 'base_ms') or 0)
end

local answer = {redis.call('HGET', meta, 'epoch'), last, time_at(last), 0}
-- A log that was lost has another epoch; one that was set back, as by a failover, ends before the cursor or has another event there.
if position and epoch == answer[1] and position >= base and position <= last and time_at(position) == ms then
  answer[4] = 1
  for _, event in ipairs(redis.call('LRANGE', events, position - base, position - base + count - 1)) do
    answer[#answer + 1] = event
  end
end
return answer
