-- Reads what was taken over of a conversation from the server before ours.
-- KEYS: those of `log_prelude.lua`, 4 old
-- ARGV: 1 the position of the first message, 2 … the old ids of that message and of those behind it, '' for none
-- Returns {how many messages were taken over, 1 if anything else has changed the conversation since or before}, and for each id the record at its
-- position, '' if it is not there any more, and what the id stands for, '' for nothing.
local state, known = read_state(meta), call('HGET', KEYS[4], '')
local taken, clock = 0, 0
if known then taken, clock = unpack('>I5I7', known) end
local answer, first = {taken, state.clock ~= clock and 1 or 0}, tonumber(ARGV[1])
local start, last = math.max(first, state.base + 1), math.min(first + #ARGV - 2, taken)
local records = last >= start and records_between(state, start, last) or {}
for index = 2, #ARGV do
  answer[#answer + 1] = records[first + index - 1 - start] or ''
  answer[#answer + 1] = ARGV[index] ~= '' and call('HGET', KEYS[4], ARGV[index]) or ''
end
return answer
