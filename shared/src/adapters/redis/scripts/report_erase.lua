-- Takes away a report, or keeps it without something that it named, unless it was changed since it was read. Done again, it changes nothing.
-- KEYS: those of `report_put.lua`
-- ARGV: 1 report, 2 the packed report as it was read, 3 as it shall be, '' to take it away
-- Returns 1, or 0 if the report was changed meanwhile.
local records, id = KEYS[4], ARGV[1]
local packed = redis.call('HGET', records, id)
if not packed then return 1 end
if packed ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then
  redis.call('HSET', records, id, ARGV[3])
else
  for index = 1, 3 do redis.call('ZREM', KEYS[index], id) end
  redis.call('HDEL', records, id)
end
return 1
