-- Tells a participant how a conversation is now, unless the participant's slot knows that or something newer. Order and repetition do not matter.
-- KEYS: 1 inbox, 2 entries, 3 changed, 4 meta, 5 connections
-- ARGV: 1 now in ms, 2 epoch for a user who has none, 3 the conversation as the participant names it, 4 time of its newest message in ms,
--       5 the entry: version, flags of the participant's own, clock of the conversation, unread messages, revision (`HEAD`), and what scripts do
--       not read
-- Returns {what TOLD packs: 1 if it was told, position, the position before it, revision before it; then the epoch; {connection, when it expires
-- in ms, …}}.
local call, pack, unpack = redis.call, struct.pack, struct.unpack
local inbox, entries, changed, meta, connections = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local VERSION, HEAD, TOLD = 1, '>I1I1I7I5I7', '>I1I7I7I7'
local now, chat, entry = tonumber(ARGV[1]), ARGV[3], ARGV[5]
local live = call('ZRANGEBYSCORE', connections, '(' .. ARGV[1], '+inf', 'WITHSCORES')

local known, known_clock, known_unread, known_rev = call('HGET', entries, chat), 0, 0, 0
local _, _, clock, unread = unpack(HEAD, entry)
if known then
  local version, flags
  version, flags, known_clock, known_unread, known_rev = unpack(HEAD, known)
  if version > VERSION then return {err = 'NEWER a newer release has written this'} end
  if flags ~= 0 then entry = string.sub(entry, 1, 1) .. string.char(flags) .. string.sub(entry, 3) end
end
local own = call('HMGET', meta, 'epoch', 'position', 'unread')
local epoch, before = own[1] or ARGV[2], tonumber(own[2] or 0)
if clock <= known_clock then return {pack(TOLD, 0, before, before, known_rev) .. epoch, live} end

-- A hybrid clock: it only grows, and a failover never gives a position twice.
local position = math.max(before + 1, now * 1024)
local text, unread_total = string.format('%d', position), string.format('%d', (own[3] or 0) + unread - known_unread)
call('HSET', entries, chat, entry)
call('ZADD', changed, text, chat)
call('ZADD', inbox, ARGV[4], chat)
call('HSET', meta, 'position', text, 'unread', unread_total)
if not own[1] then call('HSET', meta, 'epoch', epoch) end
return {pack(TOLD, 1, position, before, known_rev) .. epoch, live}
