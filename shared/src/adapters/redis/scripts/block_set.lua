-- Notes in a direct conversation that one side has blocked or unblocked the other. Nobody is told, and clients see no change, so it has no
-- revision. Done again, it changes nothing.
-- KEYS: 1 meta
-- ARGV: 1 who blocks, 2 '1' to block, '0' to unblock
-- Returns nothing
local by, names = ARGV[1], {}
for name in string.gmatch(redis.call('HGET', KEYS[1], 'blocked') or '', '%S+') do
  if name ~= by then names[#names + 1] = name end
end
if ARGV[2] == '1' then names[#names + 1] = by end
if #names > 0 then
  redis.call('HSET', KEYS[1], 'blocked', table.concat(names, ' '))
else
  redis.call('HDEL', KEYS[1], 'blocked')
end
