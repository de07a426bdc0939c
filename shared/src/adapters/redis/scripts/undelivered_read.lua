-- Reads how a conversation stands for a user who has no connection.
-- KEYS: 1 entries, 2 meta, 3 connections, 4 noticed
-- ARGV: 1 now in ms, 2 the conversation as the user names it
-- Returns {entry, unread in the whole inbox, the last notice: position and when in ms, '' if there is none}, or {} if the user has a connection or
-- no such entry.
if redis.call('ZCOUNT', KEYS[3], '(' .. ARGV[1], '+inf') > 0 then return {} end
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if not entry then return {} end
return {entry, redis.call('HGET', KEYS[2], 'unread') or '0', redis.call('HGET', KEYS[4], ARGV[2]) or ''}
