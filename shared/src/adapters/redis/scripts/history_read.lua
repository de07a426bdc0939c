-- Reads a part of a conversation, oldest first. The work depends on the size of the part, not on the length of the conversation.
-- KEYS: 1 log, 2 meta, 3 gone, 4 members, only if their read positions are a part of it
-- ARGV: 1 'page' | 'before' | 'after' | 'around', 2 how many at the most; page: 3 how many newer ones to skip; else: 3 seq, 4 identity
-- Returns {revision, total, 1 if there are older ones, 1 if there are newer ones; for each member: length of the id, id, read position; seq,
-- record, …}, or {} if there is no such message.
local log, gone = KEYS[1], KEYS[3]
local mode, size, place, identity = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local state = read_state(KEYS[2])
local base = state.base
local first, last = base + 1, base + call('LLEN', log)

-- Reads up to n live messages from a position on, in steps of -1 or 1, jumping over what is deleted.
local function read(from, n, step)
  local found = {}
  while from and n > #found and from >= first and from <= last do
    local wanted = n - #found - 1
    local low = step < 0 and math.max(first, from - wanted) or from
    local high = step < 0 and from or math.min(last, from + wanted)
    local records = call('LRANGE', log, low - first, high - first)
    for index = step < 0 and #records or 1, step < 0 and 1 or #records, step do
      if not is_deleted(records[index]) then found[#found + 1] = {low + index - 1, records[index]} end
    end
    if step < 0 then
      from = nth_back(gone, first, low - 1, 1)
    else
      local rest = live(gone, high + 1, last)
      from = rest > 0 and nth_back(gone, first, last, rest)
    end
  end
  return found
end

local older, newer = {}, {}
if mode == 'page' then
  older = read(nth_back(gone, first, last, place + 1), size, -1)
else
  if not find(log, base, place, identity) then return {} end
  if mode == 'before' then
    older = read(place - 1, size, -1)
  elseif mode == 'after' then
    newer = read(place + 1, size, 1)
  else
    -- The message itself and the newer ones take their half; what they leave is for the older ones, and the other way round.
    newer = read(place, size, 1)
    older = read(place - 1, size, -1)
    local half = math.ceil(size / 2)
    local ahead = math.min(#newer, math.max(half, size - #older))
    for index = #newer, ahead + 1, -1 do newer[index] = nil end
    for index = #older, size - ahead + 1, -1 do older[index] = nil end
  end
end

local answer = {'', readers(KEYS[4], 0)}
for index = #older, 1, -1 do
  answer[#answer + 1], answer[#answer + 2] = older[index][1], older[index][2]
end
for index = 1, #newer do
  answer[#answer + 1], answer[#answer + 2] = newer[index][1], newer[index][2]
end
local before, after = 0, 0
if #answer > 2 then
  before = live(gone, first, answer[3] - 1) > 0 and 1 or 0
  after = live(gone, answer[#answer - 1] + 1, last) > 0 and 1 or 0
end
answer[1] = pack('>I7I5I1I1', state.rev, live(gone, first, last), before, after)
return answer
