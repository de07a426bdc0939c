-- Brings a participant up to a revision of a conversation: inbox, preview, and one event for every change that the log does not have yet, also
-- for changes whose own writer died before it came here. Order and repetition don't matter.
-- KEYS: 1 inbox, 2 chats, 3 connections, 4 events, 5 meta
-- ARGV: 1 now in ms, 2 epoch for a log that begins now, 3 the conversation as the participant names it,
--       the change: 4 kind, 5 seq, 6 time in ms at which it was asked for, 7 '1' if it had been done before,
--       the conversation after it: 8 revision, 9 last seq, 10 time of the last message in ms, 11 seq of the newest live message, 12 its record,
--       13 up to where the participant has read by this,
--       14 the newest changes other than new messages, oldest first: revision (6 bytes), kind (1), seq (5), 1 if it takes an unread message away,
--       15 events kept at the most, 16 how long they are kept in ms
-- Returns {epoch, 0 if the log had the change already and it was asked for again, else: position of its event, time of that event in ms, time
-- of the event before it, unread, connection, when it expires in ms, …}
local inbox, chats, connections, events, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, chat, kind, seq, asked, again = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local revision, last, activity = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local latest, record, read, others = tonumber(ARGV[11]), ARGV[12], tonumber(ARGV[13]), ARGV[14]
local kept, age = tonumber(ARGV[15]), tonumber(ARGV[16])
local NEW = 1

-- The preview: version, revision, last seq, read seq, seq of the newest live message, number of deleted unread ones; their seqs; the record.
local HEAD = '>I1I6I5I5I5I2'
-- Seqs beyond it are no longer told apart from unread ones, so that no preview grows without end.
local SKIPPED_MAX = 1000
local known, known_last, unread_before, skipped, old = 0, 0, 0, {}, nil
local stored = redis.call('HGET', chats, chat)
if stored then
  local _, old_revision, old_last, old_read, old_latest, count, at = struct.unpack(HEAD, stored)
  for _ = 1, count do
    skipped[struct.unpack('>I5', stored, at)] = true
    at = at + 5
  end
  known, known_last, unread_before = old_revision, old_last, math.max(0, old_last - old_read - count)
  read = math.max(read, old_read)
  old = {latest = old_latest, record = string.sub(stored, at)}
end

-- The event log. An event: kind, time in ms, seq, revision (0 if it is not known); the conversation.
local EVENT = '>I1I6I5I6'
redis.call('HSETNX', meta, 'epoch', ARGV[2])
local base, length = tonumber(redis.call('HGET', meta, 'base') or 0), redis.call('LLEN', events)
local function time_at(index)
  local event = index > 0 and redis.call('LINDEX', events, index - 1)
  return event and struct.unpack('>I6', event, 2) or tonumber(redis.call('HGET', meta, 'base_ms') or 0)
end

local missing, own = {}, nil
local function lacks(of_kind, of_seq, of_revision)
  local event = struct.pack(EVENT, of_kind, now, of_seq, of_revision) .. chat
  -- The change itself goes last, where its writer knows what stands before it.
  if of_kind == kind and of_seq == seq then own = event else missing[#missing + 1] = event end
end

local index, overtaken = 0, false
if revision > known then
  local listed = {}
  for at = 1, #others, 13 do
    local of_revision, of_kind, of_seq = struct.unpack('>I6I1I5', others, at)
    if of_revision > known then listed[#listed + 1] = {of_kind, of_seq, of_revision} end
  end
  if last >= known_last and last - known_last <= kept and revision - known == last - known_last + #listed then
    for of_seq = known_last + 1, last do lacks(NEW, of_seq, 0) end
    for _, other in ipairs(listed) do lacks(other[1], other[2], other[3]) end
  else
    -- More is missing than anyone can tell: the log breaks here, and whoever resumes from before it is told to load everything anew.
    redis.call('HSET', meta, 'epoch', ARGV[2])
    lacks(kind, seq, revision)
  end
elseif not again then
  -- Another writer was faster and told of this change too, or this is a repetition of our own call: then the log has it.
  local from = math.max(0, length - 256)
  local recent = redis.call('LRANGE', events, from, -1)
  for place = #recent, 1, -1 do
    local of_kind, ms, of_seq, of_revision = struct.unpack(EVENT, recent[place])
    if ms < asked then break end
    local same = of_kind == kind and of_seq == seq and (kind == NEW or of_revision == revision)
    if same and string.sub(recent[place], 19) == chat then index = from + place break end
  end
  if index == 0 then
    lacks(kind, seq, revision)
    -- A newer message under an older revision: the conversation was set back, as by a failover, and goes on from there.
    overtaken = activity > tonumber(redis.call('ZSCORE', inbox, chat) or 0)
  end
end

local before = time_at(length)
for _, event in ipairs(missing) do redis.call('RPUSH', events, event) end
if own then
  length = redis.call('RPUSH', events, own)
  index = length
  if #missing > 0 then before = now end
elseif index > 0 then
  before = time_at(index - 1)
end
local place, ms = index > 0 and base + index or 0, own and now or time_at(index)

-- Old ones go a few at a time, so that a log that slept for a month costs no one a slow request.
length = redis.call('LLEN', events)
local surplus = math.max(0, length - kept)
for _, event in ipairs(redis.call('LRANGE', events, surplus, surplus + 7)) do
  if struct.unpack('>I6', event, 2) >= now - age then break end
  surplus = surplus + 1
end
if surplus > 0 then
  redis.call('HSET', meta, 'base', base + surplus, 'base_ms', string.format('%.0f', time_at(surplus)))
  redis.call('LTRIM', events, surplus, -1)
end

-- The inbox.
for at = 1, #others, 13 do
  local _, _, of_seq, takes = struct.unpack('>I6I1I5I1', others, at)
  if takes == 1 then skipped[of_seq] = true end
end
if old and revision <= known and not overtaken then revision, latest, record = known, old.latest, old.record end
if not overtaken then last = math.max(last, known_last) end
read = math.min(read, last)
-- What was deleted right behind the read position is as good as read.
while skipped[read + 1] do read = read + 1 end
local packed = {}
for one in pairs(skipped) do
  if one > read and one <= last and #packed < SKIPPED_MAX then packed[#packed + 1] = struct.pack('>I5', one) end
end
local unread = math.max(0, last - read - #packed)
redis.call('HSET', chats, chat,
  struct.pack(HEAD, 1, revision, last, read, latest, #packed) .. table.concat(packed) .. record)
redis.call('ZADD', inbox, 'GT', activity, chat)
redis.call('HINCRBY', meta, 'unread', unread - unread_before)

redis.call('ZREMRANGEBYSCORE', connections, '-inf', now)
local answer = {redis.call('HGET', meta, 'epoch'), place, ms, before, unread}
for _, item in ipairs(redis.call('ZRANGE', connections, 0, -1, 'WITHSCORES')) do
  answer[#answer + 1] = item
end
return answer
