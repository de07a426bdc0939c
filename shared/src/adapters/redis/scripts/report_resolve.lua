-- Resolves a report. Done again, it changes nothing. It never rewrites what a newer release has packed.
-- KEYS: those of `report_put.lua`
-- ARGV: 1 report, 2 the packed resolution, which is added to it
-- Returns {when it was made in ms, packed report}, or {}.
local all, open, resolved, records = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local REPORT_VERSION, id = 1, ARGV[1]
local packed, made = redis.call('HGET', records, id), redis.call('ZSCORE', all, id)
if not packed or not made then return {} end
made = string.format('%.0f', made)
if redis.call('ZSCORE', open, id) then
  if string.byte(packed) > REPORT_VERSION then error({err = 'NEWER a newer release has written this'}) end
  redis.call('ZREM', open, id)
  packed = packed .. ARGV[2]
  redis.call('ZADD', resolved, made, id)
  redis.call('HSET', records, id, packed)
end
return {made, packed}
