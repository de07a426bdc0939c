-- Reads a part of a conversation, oldest first. The work depends on the size of the part, not on the length of the conversation.
-- KEYS: 1 log, 2 gone, 3 meta
-- ARGV: 1 'page' | 'before' | 'after' | 'around', 2 how many at the most; page: 3 how many newer ones to skip; else: 3 seq, 4 identity
-- Returns {revision, total, older, newer, seq, record, seq, record, …} with older and newer 1 if there are more, or {} if there is no such message.
local log, gone, meta = KEYS[1], KEYS[2], KEYS[3]
local mode, size, place, identity = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local base = tonumber(redis.call('HGET', meta, 'base') or 0)
local first, last = base + 1, base + redis.call('LLEN', log)

-- Reads up to n live messages from a position on, in steps of -1 or 1, jumping over what is deleted.
local function read(from, n, step)
  local found = {}
  while from and n > #found and from >= first and from <= last do
    local wanted = n - #found - 1
    local low = step < 0 and math.max(first, from - wanted) or from
    local high = step < 0 and from or math.min(last, from + wanted)
    local records = redis.call('LRANGE', log, low - first, high - first)
    for index = step < 0 and #records or 1, step < 0 and 1 or #records, step do
      if not has(records[index], DELETED) then found[#found + 1] = {low + index - 1, records[index]} end
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

local answer = {tonumber(redis.call('HGET', meta, 'rev') or 0), live(gone, first, last), 0, 0}
for index = #older, 1, -1 do
  answer[#answer + 1], answer[#answer + 2] = older[index][1], older[index][2]
end
for index = 1, #newer do
  answer[#answer + 1], answer[#answer + 2] = newer[index][1], newer[index][2]
end
if #answer > 4 then
  answer[3] = live(gone, first, answer[5] - 1) > 0 and 1 or 0
  answer[4] = live(gone, answer[#answer - 1] + 1, last) > 0 and 1 or 0
end
return answer
