-- Edits a message as its author.
-- KEYS: 1 log, 2 gone, 3 meta
-- ARGV: 1 seq, 2 identity, 3 who, 4 now in ms, 5 the image flag that the new body needs ('' keeps the body), 6 new body,
--       7 '1' if the metadata changes, 8 new metadata ('' for none)
-- Returns what `changed` returns, or {'not_found'}, {'forbidden'}, {'wrong_kind'}.
local log, gone, meta = KEYS[1], KEYS[2], KEYS[3]
local seq, identity, who, now = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local kind, new_body, new_metadata = ARGV[5], ARGV[6], ARGV[7] == '1' and ARGV[8]
local IMAGE = 2
local base = tonumber(redis.call('HGET', meta, 'base') or 0)

local record = find(log, base, seq, identity)
if not record or has(record, DELETED) then return {'not_found'} end
if author(record) ~= who then return {'forbidden'} end
if kind ~= '' and bit.band(string.byte(record), IMAGE) ~= tonumber(kind) then return {'wrong_kind'} end

local head_end = 13 + string.byte(record, 13)
local at = head_end + 1
if has(record, EDITED) then at = at + 6 end
local length = struct.unpack('>I2', record, at)
local body = kind ~= '' and new_body or string.sub(record, at + 2, at + 1 + length)
local metadata = new_metadata or string.sub(record, at + 2 + length)
local sent = struct.unpack('>I6', record, 2)

record = string.sub(with(record, EDITED), 1, head_end)
  .. struct.pack('>I6', math.max(now, sent)) .. struct.pack('>I2', #body) .. body .. metadata
redis.call('LSET', log, seq - base - 1, record)
return changed(log, gone, meta, base, seq, record, revise(meta, UPDATED, seq))
