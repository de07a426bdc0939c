-- Notes that the user of a connection begins to type, or stops, while the user's token is good.
-- KEYS: 1 connection
-- ARGV: 1 now in ms, 2 the conversation as its user names it, 3 '1' to begin, '0' to stop, 4 the least time between two of them in ms; from 5 on
--       those of `take_frame`
-- Returns {domain, user, topics of its token, until when that is good in ms or '', how long to wait for a frame in ms, how long to wait before typing
--          is taken in ms, 1 if watchers have to be told}, or {} if the connection is not known
local connection = KEYS[1]
local known = redis.call('HMGET', connection, 'domain', 'user', 'topics', 'typed', 'typing', 'until')
if not known[1] then return {} end
local frame_wait = take_frame(connection, tonumber(ARGV[1]), 5)
local wait, is_news = 0, 0
local is_good = not known[6] or tonumber(known[6]) > tonumber(ARGV[1])
if not is_good or frame_wait > 0 then
  -- The caller refuses it.
elseif ARGV[3] == '1' then
  wait = math.max(0, tonumber(known[4] or 0) + tonumber(ARGV[4]) - tonumber(ARGV[1]))
  if wait == 0 then
    is_news = 1
    redis.call('HSET', connection, 'typed', ARGV[1], 'typing', ARGV[2])
  end
elseif known[5] == ARGV[2] then
  is_news = 1
  redis.call('HDEL', connection, 'typing')
end
return {known[1], known[2], known[3] or '', known[6] or '', frame_wait, wait, is_news}
