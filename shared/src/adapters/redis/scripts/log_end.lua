-- Where a user's event log ends.
-- KEYS: 1 events, 2 meta
-- ARGV: 1 epoch for a log that begins now
-- Returns {epoch, position, ms}
local events, meta = KEYS[1], KEYS[2]
redis.call('HSETNX', meta, 'epoch', ARGV[1])
local base = tonumber(redis.call('HGET', meta, 'base') or 0)
local last = redis.call('LINDEX', events, -1)
local ms = last and struct.unpack('>I6', last, 2) or 0
return {redis.call('HGET', meta, 'epoch'), base + redis.call('LLEN', events), ms}
