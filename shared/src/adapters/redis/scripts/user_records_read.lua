-- Reads what a user has in a part of a conversation, in the order of positions: the user's messages, deleted ones too, and those to which the user
-- has reacted.
-- KEYS: those of `log_prelude.lua`, 4 reactions
-- ARGV: 1 user, '' for all messages of everyone, 2 position after which the part begins, 3 messages to look at, at the most, 4 bytes of them after
--       which the part ends
-- Returns {position up to which it looked, 1 if more follow; seq, record, …}
local reactions, who, most, bytes = KEYS[4], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local state = read_state(meta)
local seq, last = math.max(state.base, tonumber(ARGV[2])), last_position(state)
local answer, stop = {0, 0}, math.min(last, seq + most)
while seq < stop and bytes > 0 do
  -- A few at a time, since messages may be long.
  for _, record in ipairs(records_between(state, seq + 1, math.min(stop, seq + 8))) do
    seq = seq + 1
    bytes = bytes - #record
    local has = who == '' or author_of(record) == who
    if not has and has_more(record) then
      local given = call('HGET', reactions, int(seq))
      has = given and string.find(given, '\0' .. who .. '\0', 1, true)
    end
    if has then answer[#answer + 1], answer[#answer + 2] = seq, shown(record, seq, state, reactions, who) end
  end
end
answer[1], answer[2] = seq, seq < last and 1 or 0
return answer
