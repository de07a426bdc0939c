-- The last edition's script, as it was at commit ff8c96b. Nothing but this bench runs it.
-- Adds a message at the end of a conversation; gives it its position and its time.
-- KEYS: 1 log, 2 gone, 3 meta; 4 what the client's retry key produced, if it has one
-- ARGV: 1 now in ms, 2 first byte of the record, 3 the record from its random bytes on, 4 how long a retry key is kept, in ms
-- Returns what `changed` returns.
local log, gone, meta, retry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, head, tail = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local base, last_ms = tonumber(redis.call('HGET', meta, 'base') or 0), tonumber(redis.call('HGET', meta, 'ms') or 0)
local length = redis.call('LLEN', log)

local produced = retry and redis.call('GET', retry)
if produced then
  local seq, revision = struct.unpack('>I5I6', produced)
  local record = redis.call('LINDEX', log, seq - base - 1)
  if seq > base and record then return changed(log, gone, meta, base, seq, record, revision, true) end
end

-- A request may arrive twice, sent again by us or by the client library: the first one's record is then not older than `now`, and nothing
-- else has these random bytes.
if last_ms >= now then
  local from = math.max(0, length - 256)
  for index, record in ipairs(redis.call('LRANGE', log, from, -1)) do
    if string.sub(record, 8) == tail then return changed(log, gone, meta, base, base + from + index, record) end
  end
end

-- Order and time never disagree, also when a clock lies behind.
local ms, seq = math.max(now, last_ms), base + length + 1
local record = head .. struct.pack('>I6', ms) .. tail
redis.call('RPUSH', log, record)
redis.call('HSET', meta, 'ms', string.format('%.0f', ms), 'sent:' .. author(record), seq)
local revision = revise(meta, NEW, seq)
if retry then redis.call('SET', retry, struct.pack('>I5I6', seq, revision), 'PX', ARGV[4]) end
return changed(log, gone, meta, base, seq, record, revision)
