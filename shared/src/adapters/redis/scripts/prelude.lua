-- What the scripts of a conversation share; it stands before each of them.
--
-- A record, by byte: 1 version (3 bits) and flags; 2-7 time in ms; 8-12 random; 13 length of the author; the author; time of the edit in ms
-- (6 bytes) if it was edited; length of the body (2 bytes); the body; the metadata. Bytes 2-12 are the record's identity, which its id repeats.
-- A deleted message keeps its record up to the author.
local DELETED, EDITED, SEEN = 1, 4, 8

local function has(record, flag)
  return bit.band(string.byte(record), flag) ~= 0
end

local function with(record, flag)
  return string.char(bit.bor(string.byte(record), flag)) .. string.sub(record, 2)
end

local function author(record)
  return string.sub(record, 14, 13 + string.byte(record, 13))
end

-- The record at that position, if it is the one with that identity.
local function find(log, base, seq, identity)
  local record = seq > base and redis.call('LINDEX', log, seq - base - 1)
  return record and string.sub(record, 2, 12) == identity and record
end

-- How many live messages stand from one position to another.
local function live(gone, from, to)
  if to < from then return 0 end
  return to - from + 1 - redis.call('ZCOUNT', gone, from, to)
end

-- The position of the n-th live message going back from one position, but not before the first.
local function nth_back(gone, first, from, n)
  if live(gone, first, from) < n then return nil end
  local low, high = first, from - n + 1
  if live(gone, high, from) >= n then return high end
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if live(gone, middle, from) >= n then low = middle else high = middle - 1 end
  end
  return low
end

-- What every change answers: {revision, last seq, time of the last message in ms, newest live message: seq, record, changed one: seq, record,
-- {author, seq of the author's last message, …}}.
local function changed(log, gone, meta, base, seq, record)
  local revision = redis.call('HINCRBY', meta, 'rev', 1)
  local last = base + redis.call('LLEN', log)
  local latest = nth_back(gone, base + 1, last, 1)
  local newest = latest and redis.call('LINDEX', log, latest - base - 1) or ''
  local fields, ms, sent = redis.call('HGETALL', meta), 0, {}
  for index = 1, #fields, 2 do
    local name, value = fields[index], tonumber(fields[index + 1])
    if name == 'ms' then ms = value end
    if string.sub(name, 1, 5) == 'sent:' then
      sent[#sent + 1], sent[#sent + 2] = string.sub(name, 6), value
    end
  end
  return {revision, last, ms, latest or 0, newest, seq, record, sent}
end
