-- Shared by the scripts that take a frame of a connection; it is put before each of them.

-- Takes a frame from the connection's own bucket, which works as in `usage_prelude.lua`. ARGV from `first` on: interval in µs, '' without a bucket;
-- burst; how many frames it counts as; how many may be under way before writes are admitted first. Returns how long to wait in ms, 0 if it was
-- taken; and 1 if a write has to be admitted first.
local function take_frame(connection, now, first)
  local known = redis.call('HMGET', connection, 'frames', 'near')
  local asks = tonumber(known[2] or 0) > now and 1 or 0
  local interval = tonumber(ARGV[first])
  if not interval then return 0, asks end
  local used = math.max(tonumber(known[1] or 0), now * 1000) + interval * ARGV[first + 2]
  local ahead = used - now * 1000
  if ahead > interval * ARGV[first + 1] then return math.ceil((ahead - interval * ARGV[first + 1]) / 1000), asks end
  redis.call('HSET', connection, 'frames', string.format('%d', used))
  if ahead > interval * ARGV[first + 3] then asks = 1 end
  return 0, asks
end
