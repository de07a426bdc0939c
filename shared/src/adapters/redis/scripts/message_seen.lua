-- Marks a message seen as someone who did not write it.
-- KEYS: 1 log, 2 gone, 3 meta
-- ARGV: 1 seq, 2 identity, 3 who
-- Returns what `changed` returns, or {'not_found'}, {'forbidden'}.
local log, gone, meta = KEYS[1], KEYS[2], KEYS[3]
local seq, identity, who = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local base = tonumber(redis.call('HGET', meta, 'base') or 0)

local record = find(log, base, seq, identity)
if not record or has(record, DELETED) then return {'not_found'} end
if author(record) == who then return {'forbidden'} end
if has(record, SEEN) then return changed(log, gone, meta, base, seq, record, nil, true) end
record = with(record, SEEN)
redis.call('LSET', log, seq - base - 1, record)
return changed(log, gone, meta, base, seq, record, revise(meta, UPDATED, seq))
