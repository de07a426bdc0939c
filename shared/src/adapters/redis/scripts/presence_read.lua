-- Reads whether a user is there; who may know it is told of changes too, unless too many are.
-- KEYS: 1 connections, 2 meta, 3 entries, 4 watchers, 5 blocks, 6 blockers
-- ARGV: 1 now in ms, 2 the reader and 3 a topic as the user names them, '' for none, 4 the reader's connection and the reader, '' for none,
--       5 when it expires in ms, 6 connections at the most, 7 how long in ms after the last connection a user counts as online, 8 the reader's id
-- Returns {0, 0, 0, 0} if one of the two has blocked the other; else {1 if the user has written to the reader, 1 if the user is a member of the
-- topic, 1 if online, when last active in ms or 0}
local connections, meta, entries, watchers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local HAS_WRITTEN, LEFT = 64, 128
for index = 5, 6 do
  if redis.call('ZSCORE', KEYS[index], ARGV[8]) then return {0, 0, 0, 0} end
end
local now = tonumber(ARGV[1])
local function flags_of(chat)
  local entry = chat ~= '' and redis.call('HGET', entries, chat)
  return entry and string.byte(entry, 2) or nil
end
local direct, topic = flags_of(ARGV[2]), flags_of(ARGV[3])
local has_written = direct and math.floor(direct / HAS_WRITTEN) % 2 == 1
local is_member = topic and topic < LEFT
if ARGV[4] ~= '' and (has_written or is_member) then
  redis.call('ZREMRANGEBYSCORE', watchers, '-inf', ARGV[1])
  if redis.call('ZSCORE', watchers, ARGV[4]) or redis.call('ZCARD', watchers) < tonumber(ARGV[6]) then
    redis.call('ZADD', watchers, ARGV[5], ARGV[4])
    redis.call('PEXPIREAT', watchers, redis.call('ZRANGE', watchers, -1, -1, 'WITHSCORES')[2])
  end
end
local known = redis.call('HMGET', meta, 'left', 'active')
local online = redis.call('ZCOUNT', connections, '(' .. ARGV[1], '+inf') > 0 or now < tonumber(known[1] or 0) + tonumber(ARGV[7])
return {has_written and 1 or 0, is_member and 1 or 0, online and 1 or 0, known[2] or 0}
