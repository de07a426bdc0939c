-- Writes a change of a conversation to a participant's event log and inbox. Everything but the log entry is a maximum or a set, so that the
-- order and the repetition of changes don't matter.
-- KEYS: 1 inbox, 2 chats, 3 connections, 4 events, 5 meta
-- ARGV: 1 now in ms, 2 epoch for a log that begins now, 3 the conversation as the participant names it, 4 kind of the event, 5 its seq,
--       6 revision, 7 last seq, 8 time of the last message in ms, 9 seq of the newest live message, 10 its record,
--       11 up to where the participant has read by this, 12 seq of a message by someone else that was deleted (0 for none),
--       13 events kept at the most, 14 how long they are kept in ms
-- Returns {epoch, position, ms, unread, connection, when it expires in ms, …}
local inbox, chats, connections, events, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, epoch, chat, kind, seq = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local revision, last, activity = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local latest, record = tonumber(ARGV[9]), ARGV[10]
local read, deleted, kept, age = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])

-- The preview: version, revision, last seq, read seq, seq of the newest live message, number of deleted unread ones; their seqs; the record.
local HEAD = '>I1I6I5I5I5I2'
-- Seqs beyond it are no longer told apart from unread ones, so that no preview grows without end.
local SKIPPED_MAX = 1000
local unread_before, skipped = 0, {}
local stored = redis.call('HGET', chats, chat)
if stored then
  local _, old_revision, old_last, old_read, old_latest, count, at = struct.unpack(HEAD, stored)
  for _ = 1, count do
    skipped[struct.unpack('>I5', stored, at)] = true
    at = at + 5
  end
  unread_before = math.max(0, old_last - old_read - count)
  last, read = math.max(last, old_last), math.max(read, old_read)
  if old_revision >= revision then
    revision, latest, record = old_revision, old_latest, string.sub(stored, at)
  end
end

if deleted > 0 then skipped[deleted] = true end
-- What was deleted right behind the read position is as good as read.
while skipped[read + 1] do read = read + 1 end
local packed = {}
for one in pairs(skipped) do
  if one > read and #packed < SKIPPED_MAX then packed[#packed + 1] = struct.pack('>I5', one) end
end
local unread = math.max(0, last - read - #packed)
redis.call('HSET', chats, chat,
  struct.pack(HEAD, 1, revision, last, read, latest, #packed) .. table.concat(packed) .. record)
redis.call('ZADD', inbox, 'GT', activity, chat)

redis.call('HSETNX', meta, 'epoch', epoch)
redis.call('HINCRBY', meta, 'unread', unread - unread_before)
local length = redis.call('RPUSH', events, struct.pack('>I1I6I5I6', kind, now, seq, revision) .. chat)
local surplus = math.max(0, length - kept)
-- Old ones go a few at a time, so that a log that slept for a month costs no one a slow request.
for _, event in ipairs(redis.call('LRANGE', events, surplus, surplus + 7)) do
  if struct.unpack('>I6', event, 2) >= now - age then break end
  surplus = surplus + 1
end
if surplus > 0 then
  redis.call('LTRIM', events, surplus, -1)
  redis.call('HINCRBY', meta, 'base', surplus)
end

redis.call('ZREMRANGEBYSCORE', connections, '-inf', now)
local position = tonumber(redis.call('HGET', meta, 'base') or 0) + length - surplus
local answer = {redis.call('HGET', meta, 'epoch'), position, now, unread}
for _, item in ipairs(redis.call('ZRANGE', connections, 0, -1, 'WITHSCORES')) do
  answer[#answer + 1] = item
end
return answer
