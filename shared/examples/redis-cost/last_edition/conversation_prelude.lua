-- The last edition's script, as it was at commit ff8c96b. Nothing but this bench runs it.
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

-- Kinds of changes, which the event log also keeps. A number is never given to another kind.
local NEW, UPDATED, DELETION = 1, 2, 3

-- The conversation counts its changes in `rev`. That a change was a new message shows by its position; the newest of the others are kept in
-- `others`, newest first, so that whoever missed some can be told of them: revision (6 bytes), kind (1), seq (5), length of the author (1), the
-- author of a deleted message.
local OTHERS_MAX = 32

local function note_other(meta, revision, kind, seq, who)
  local others = struct.pack('>I6I1I5I1', revision, kind, seq, #who) .. who .. (redis.call('HGET', meta, 'others') or '')
  local at, count = 1, 0
  while at <= #others and count < OTHERS_MAX do
    at = at + 13 + string.byte(others, at + 12)
    count = count + 1
  end
  redis.call('HSET', meta, 'others', string.sub(others, 1, at - 1))
end

-- Counts a change.
local function revise(meta, kind, seq, who)
  local revision = redis.call('HINCRBY', meta, 'rev', 1)
  if kind ~= NEW then note_other(meta, revision, kind, seq, who or '') end
  return revision
end

-- What every write answers, with the conversation as it is now: {1 if it was done before, revision that the client is told, revision, last
-- seq, time of the last message in ms, newest live message: seq, record, changed one: seq, record, {author, seq of the author's last
-- message, …}, the newest changes other than new messages}.
local function changed(log, gone, meta, base, seq, record, revision, again)
  local last = base + redis.call('LLEN', log)
  local latest = nth_back(gone, base + 1, last, 1)
  local newest = latest and redis.call('LINDEX', log, latest - base - 1) or ''
  local fields, of, sent = redis.call('HGETALL', meta), {}, {}
  for index = 1, #fields, 2 do
    local name, value = fields[index], fields[index + 1]
    of[name] = value
    if string.sub(name, 1, 5) == 'sent:' then
      sent[#sent + 1], sent[#sent + 2] = string.sub(name, 6), tonumber(value)
    end
  end
  local now = tonumber(of.rev or 0)
  return {again and 1 or 0, revision or now, now, last, tonumber(of.ms or 0), latest or 0, newest, seq, record, sent, of.others or ''}
end
