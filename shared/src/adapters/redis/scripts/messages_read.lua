-- Reads single messages as they are now.
-- KEYS: 1 log, 2 gone, 3 meta
-- ARGV: seq, …
-- Returns {revision of the conversation, record ('' if there is none), …}
local log, meta = KEYS[1], KEYS[3]
local base = tonumber(redis.call('HGET', meta, 'base') or 0)
local answer = {tonumber(redis.call('HGET', meta, 'rev') or 0)}
for _, text in ipairs(ARGV) do
  local seq = tonumber(text)
  answer[#answer + 1] = seq > base and redis.call('LINDEX', log, seq - base - 1) or ''
end
return answer
