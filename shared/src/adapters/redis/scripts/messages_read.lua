-- Reads single messages as they are now.
-- KEYS: those of `log_prelude.lua`
-- ARGV: seq, …
-- Returns {record, …}, '' where there is none.
local state, answer = read_state(meta), {}
for index, text in ipairs(ARGV) do
  local seq = tonumber(text)
  answer[index] = shown(record_at(state, seq) or '', seq, state)
end
return answer
