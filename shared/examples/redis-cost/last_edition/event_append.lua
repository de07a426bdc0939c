-- The last edition's script, as it was at commit ff8c96b. Nothing but this bench runs it.
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
local now, epoch, chat, kind, seq = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local asked, again, revision, last, activity = tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local kept, age = tonumber(ARGV[15]), tonumber(ARGV[16])

local preview = unpack_preview(redis.call('HGET', chats, chat))
local unread_before, others = preview.unread, {}
for at = 1, #ARGV[14], 13 do
  local of_revision, of_kind, of_seq, takes_unread = struct.unpack('>I6I1I5I1', ARGV[14], at)
  if takes_unread == 1 then preview.skipped[of_seq] = true end
  if of_revision > preview.revision then others[#others + 1] = {of_kind, of_seq, of_revision} end
end

if kind == DELETION then preview.skipped[seq] = true end

redis.call('HSETNX', meta, 'epoch', epoch)
local base = base_of(meta)
local missing, own, place = {}, nil, 0
local function lacks(of_kind, of_seq, of_revision)
  local event = struct.pack(EVENT, of_kind, now, of_seq, of_revision) .. chat
  -- The change itself goes last, where its writer knows what stands before it.
  if of_kind ~= kind or of_seq ~= seq then missing[#missing + 1] = event return end
  if own then missing[#missing + 1] = own end
  own = event
end

local is_newer = revision > preview.revision
if is_newer then
  local messages = last - preview.last
  if messages >= 0 and messages <= kept and revision - preview.revision == messages + #others then
    for of_seq = preview.last + 1, last do lacks(NEW, of_seq, 0) end
    for _, other in ipairs(others) do lacks(other[1], other[2], other[3]) end
  else
    -- More is missing than anyone can tell: the log breaks here, and whoever resumes from before it is told to load everything anew.
    redis.call('HSET', meta, 'epoch', epoch)
    lacks(kind, seq, revision)
  end
elseif not again then
  -- Another writer was faster and told of this change too, or this is a repetition of our own call: then the log has it.
  place = find_event(events, base, asked, chat, kind, seq, revision)
  if place == 0 then
    lacks(kind, seq, revision)
    -- A newer message under an older revision: the conversation was set back, as by a failover, and goes on from there. Revisions and
    -- positions are given again, so whoever knows the ones that were lost has to load everything anew.
    if activity > tonumber(redis.call('ZSCORE', inbox, chat) or 0) then
      redis.call('HSET', meta, 'epoch', epoch)
      is_newer, preview.last = true, 0
      preview.read, preview.skipped = math.min(preview.read, last - 1), {}
    end
  end
end

for _, event in ipairs(missing) do redis.call('RPUSH', events, event) end
if own then place = base + redis.call('RPUSH', events, own) end
local ms, before = time_at(events, meta, base, place), time_at(events, meta, base, place - 1)
cut(events, meta, base, kept, now - age)

if is_newer then preview.revision, preview.latest, preview.record = revision, tonumber(ARGV[11]), ARGV[12] end
preview.last, preview.read = math.max(preview.last, last), math.max(preview.read, tonumber(ARGV[13]))
local packed, unread = pack_preview(preview)
redis.call('HSET', chats, chat, packed)
redis.call('ZADD', inbox, 'GT', activity, chat)
redis.call('HINCRBY', meta, 'unread', unread - unread_before)

redis.call('ZREMRANGEBYSCORE', connections, '-inf', now)
local answer = {redis.call('HGET', meta, 'epoch'), place, ms, before, unread}
for _, item in ipairs(redis.call('ZRANGE', connections, 0, -1, 'WITHSCORES')) do
  answer[#answer + 1] = item
end
return answer
