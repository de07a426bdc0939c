-- Deletes a message as its author. Its place in the order stays.
-- KEYS: 1 log, 2 gone, 3 meta
-- ARGV: 1 seq, 2 identity, 3 who
-- Returns what `changed` returns, or {'not_found'}, {'forbidden'}.
local log, gone, meta = KEYS[1], KEYS[2], KEYS[3]
local seq, identity, who = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local base = tonumber(redis.call('HGET', meta, 'base') or 0)

local record = find(log, base, seq, identity)
if not record then return {'not_found'} end
if author(record) ~= who then return {'forbidden'} end
-- A repetition changes nothing, but goes on to the inboxes: the first time may have ended before they knew.
if has(record, DELETED) then return changed(log, gone, meta, base, seq, record, nil, true) end
record = string.sub(with(record, DELETED), 1, 13 + string.byte(record, 13))
redis.call('LSET', log, seq - base - 1, record)
redis.call('ZADD', gone, seq, seq)
return changed(log, gone, meta, base, seq, record, revise(meta, DELETION, seq, who))
