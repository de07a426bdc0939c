-- Notes in a user's slot that the user has blocked another one, or was blocked. From then on neither sees the other's presence. Done again, it
-- changes nothing.
-- KEYS: 1 blocks, or blockers in the slot of the blocked user, 2 watchers
-- ARGV: 1 now in ms, 2 the other user, 3 the most blocks, '' for no limit
-- Returns {}, or {'too_many_blocks'}.
local blocks, watchers, other, most = KEYS[1], KEYS[2], ARGV[2], tonumber(ARGV[3])
if not redis.call('ZSCORE', blocks, other) then
  if most and redis.call('ZCARD', blocks) >= most then return {'too_many_blocks'} end
  redis.call('ZADD', blocks, ARGV[1], other)
end
for _, watcher in ipairs(redis.call('ZRANGE', watchers, 0, -1)) do
  if string.match(watcher, '^[^:]*:(.*)$') == other then redis.call('ZREM', watchers, watcher) end
end
return {}
