-- Reads the messages of a conversation below a position, newest first: deleted ones too, because moderators must see them.
-- KEYS: 1 log, 2 meta, 3 reactions
-- ARGV: 1 position below which it begins, 0 for the newest, 2 the most messages
-- Returns {revision; position of the oldest one, if older ones follow, else 0; seq, record, …}.
local log, state = KEYS[1], read_state(KEYS[2])
local base, below = state.base, tonumber(ARGV[1])
local last = base + call('LLEN', log)
if below > 0 then last = math.min(last, below - 1) end
local first = math.max(base + 1, last - tonumber(ARGV[2]) + 1)
local answer = {int(state.rev), 0}
if last < first then return answer end
local records = call('LRANGE', log, first - base - 1, last - base - 1)
for index = #records, 1, -1 do
  local seq = first + index - 1
  answer[#answer + 1], answer[#answer + 2] = seq, shown(records[index], seq, log, base, KEYS[3])
end
if first > base + 1 then answer[2] = first end
return answer
