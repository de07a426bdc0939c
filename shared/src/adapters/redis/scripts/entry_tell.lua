-- Tells a participant how a conversation is now, unless the participant's slot knows that or something newer. Order and repetition do not matter.
-- KEYS: 1 inbox, 2 entries, 3 changed, 4 meta, 5 connections
-- ARGV: 1 now in ms, 2 epoch for a user who has none, 3 the conversation as the participant names it, 4 time of its newest message in ms,
--       5 the entry: version, flags of the participant's own, clock of the conversation, unread messages (`HEAD`), and what scripts do not read
-- Returns {1 if it was told, epoch, position, the position before it; connection, when it expires in ms, …}.
local inbox, entries, changed, meta, connections = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local VERSION, HEAD = 1, '>I1I1I7I5'
local now, chat, entry = tonumber(ARGV[1]), ARGV[3], ARGV[5]
local answer = redis.call('ZRANGEBYSCORE', connections, '(' .. ARGV[1], '+inf', 'WITHSCORES')

local known, flags, known_clock, known_unread = redis.call('HGET', entries, chat), 0, 0, 0
if known then
  local version
  version, flags, known_clock, known_unread = struct.unpack(HEAD, known)
  if version > VERSION then return {err = 'NEWER a newer release has written this'} end
end
local _, _, clock, unread = struct.unpack(HEAD, entry)
local own = redis.call('HMGET', meta, 'epoch', 'position', 'unread')
local epoch, before = own[1] or ARGV[2], tonumber(own[2] or 0)
if clock <= known_clock then return {{0, epoch, own[2] or '0', own[2] or '0'}, answer} end

-- A hybrid clock: it only grows, and a failover never gives a position twice.
local position = string.format('%.0f', math.max(before + 1, now * 1024))
redis.call('HSET', entries, chat, string.sub(entry, 1, 1) .. string.char(flags) .. string.sub(entry, 3))
redis.call('ZADD', changed, position, chat)
redis.call('ZADD', inbox, ARGV[4], chat)
redis.call('HSET', meta, 'epoch', epoch, 'position', position, 'unread', (own[3] or 0) + unread - known_unread)
return {{1, epoch, position, own[2] or '0'}, answer}
