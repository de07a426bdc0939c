-- Reads single messages as they are now.
-- KEYS: 1 log, 2 meta
-- ARGV: seq, …
-- Returns {record, …}, '' where there is none.
local log, base, answer = KEYS[1], read_state(KEYS[2]).base, {}
for index, text in ipairs(ARGV) do
  local seq = tonumber(text)
  answer[index] = shown(seq > base and call('LINDEX', log, seq - base - 1) or '', seq, log, base)
end
return answer
