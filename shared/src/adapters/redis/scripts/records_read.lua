-- Reads the messages of a conversation below a position, newest first: deleted ones too, because moderators must see them.
-- KEYS: those of `log_prelude.lua`, 4 reactions
-- ARGV: 1 position below which it begins, 0 for the newest, 2 the most messages
-- Returns {revision; position of the oldest one, if older ones follow, else 0; seq, record, …}.
local state = read_state(meta)
local base, below = state.base, tonumber(ARGV[1])
local last = last_position(state)
if below > 0 then last = math.min(last, below - 1) end
local first = math.max(base + 1, last - tonumber(ARGV[2]) + 1)
local answer = {int(state.rev), 0}
if last < first then return answer end
local records = records_between(state, first, last)
for index = #records, 1, -1 do
  local seq = first + index - 1
  answer[#answer + 1], answer[#answer + 2] = seq, shown(records[index], seq, state, KEYS[4])
end
if first > base + 1 then answer[2] = first end
return answer
