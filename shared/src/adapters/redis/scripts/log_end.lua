-- Where a user's event log ends.
-- KEYS: 1 events, 2 meta
-- ARGV: 1 epoch for a log that begins now
-- Returns {epoch, position, ms}
local events, meta = KEYS[1], KEYS[2]
redis.call('HSETNX', meta, 'epoch', ARGV[1])
local place = redis.call('HMGET', meta, 'epoch', 'base')
local last = redis.call('LINDEX', events, -1)
local ms = last and struct.unpack('>I6', last, 2) or 0
return {place[1], tonumber(place[2] or 0) + redis.call('LLEN', events), ms}
