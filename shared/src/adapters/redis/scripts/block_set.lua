-- Notes in a direct conversation that one side has blocked or unblocked the other. Nobody is told, and clients see no change, so it has no
-- revision. Done again, it changes nothing.
-- KEYS: 1 meta
-- ARGV: 1 who blocks, 2 '1' to block, '0' to unblock
-- Returns nothing
local by, names = ARGV[1], {}
local packed = redis.call('HGET', KEYS[1], 'blocked') or string.char(BLOCKED_VERSION)
if string.byte(packed) > BLOCKED_VERSION then error({err = 'NEWER a newer release has written this'}) end
for name in string.gmatch(string.sub(packed, 2), '%S+') do
  if name ~= by then names[#names + 1] = name end
end
if ARGV[2] == '1' then names[#names + 1] = by end
if #names > 0 then
  redis.call('HSET', KEYS[1], 'blocked', string.char(BLOCKED_VERSION) .. table.concat(names, ' '))
else
  redis.call('HDEL', KEYS[1], 'blocked')
end
