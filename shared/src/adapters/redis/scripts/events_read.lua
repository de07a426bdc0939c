-- Reads a user's event log from a cursor on; without a cursor, only where it ends.
-- KEYS: 1 events, 2 meta
-- ARGV: 1 epoch for a log that begins now, 2 how many at the most; the cursor if there is one: 3 epoch, 4 position, 5 time of the event there
-- Returns {epoch, position of the last event, its time in ms, 1 if nothing is missing since the cursor, event, …}
local events, meta = KEYS[1], KEYS[2]
local count, epoch, position, ms = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSETNX', meta, 'epoch', ARGV[1])
local base = base_of(meta)
local last = base + redis.call('LLEN', events)

local answer = {redis.call('HGET', meta, 'epoch'), last, time_at(events, meta, base, last), 0}
-- A log that was lost has another epoch; one that was set back, as by a failover, ends before the cursor or has another event there.
if position and epoch == answer[1] and position >= base and position <= last and time_at(events, meta, base, position) == ms then
  answer[4] = 1
  for _, event in ipairs(redis.call('LRANGE', events, position - base, position - base + count - 1)) do
    answer[#answer + 1] = event
  end
end
return answer
