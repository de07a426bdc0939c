-- Reads a part of a conversation, oldest first. The work depends on the size of the part, not on the length of the conversation.
-- KEYS: those of `log_prelude.lua`, 4 gone, 5 reactions, 6 members
-- ARGV: 1 who reads, 2 '1' if only members may, 3 '1' in a direct conversation, 4 'page' | 'before' | 'after' | 'around', 5 how many at the most;
--       page: 6 how many newer ones to skip; else: 6 seq, 7 identity
-- Returns {revision, total, 1 if there are older ones, 1 if there are newer ones; in a direct conversation for each member: length of the id, id,
-- read position; seq, record, …}, or {} if there is no such message, or {'not_member'}.
local gone, reader, is_direct = KEYS[4], ARGV[1], ARGV[3] == '1'
local mode, size, place, identity = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
if ARGV[2] == '1' and call('HEXISTS', KEYS[6], reader) == 0 then return {'not_member'} end
local state = read_state(meta)
local base = state.base
local first, last = base + 1, last_position(state)

-- Reads up to n live messages from a position on, in steps of -1 or 1, jumping over what is deleted.
local function read(from, n, step)
  local found = {}
  while from and n > #found and from >= first and from <= last do
    local wanted = n - #found - 1
    local low = step < 0 and math.max(first, from - wanted) or from
    local high = step < 0 and from or math.min(last, from + wanted)
    local records = records_between(state, low, high)
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
  -- One that was moved away cannot be compared any more, and still says where it stood.
  if place > base and not find(state, place, identity) then return {} end
  if mode == 'before' then
    older = read(place - 1, size, -1)
  elseif mode == 'after' then
    newer = read(math.max(place, base) + 1, size, 1)
  else
    -- The message itself and the newer ones take their half; what they leave is for the older ones, and the other way round.
    newer = read(math.max(place, first), size, 1)
    older = read(place - 1, size, -1)
    local half = math.ceil(size / 2)
    local ahead = math.min(#newer, math.max(half, size - #older))
    for index = #newer, ahead + 1, -1 do newer[index] = nil end
    for index = #older, size - ahead + 1, -1 do older[index] = nil end
  end
end

local answer = {'', is_direct and readers(KEYS[6], 0, reader) or ''}
local function add(seq, record)
  answer[#answer + 1], answer[#answer + 2] = seq, shown(record, seq, state, KEYS[5], reader)
end
for index = #older, 1, -1 do add(older[index][1], older[index][2]) end
for index = 1, #newer do add(newer[index][1], newer[index][2]) end
local before, after = 0, 0
if #answer > 2 then
  before = live(gone, first, answer[3] - 1) > 0 and 1 or 0
  after = live(gone, answer[#answer - 1] + 1, last) > 0 and 1 or 0
end
answer[1] = pack('>I7I5I1I1', state.rev, live(gone, first, last), before, after)
return answer
