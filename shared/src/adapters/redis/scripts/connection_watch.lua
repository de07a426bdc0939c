-- Notes what a connection watches while its user's token is good, so that the end of the connection can undo it. What was watched before is noted a
-- while longer: a watch that is overtaken by the next one may be carried out after it was undone, and must be undone again.
-- KEYS: 1 connection
-- ARGV: 1 now in ms, 2 the conversation as its user names it, '' for none, 3 users with commas between them, 4 how long a watch may take in ms,
--       5 watches at the most that are noted longer; from 6 on those of `take_frame`
-- Returns {domain, user, topics of its token, until when that is good in ms or '', how long to wait in ms, when the connection or its token expires
--          in ms; conversation and users that it watched before, …}, or {} if the connection is not known
local connection = KEYS[1]
local known = redis.call('HMGET', connection, 'domain', 'user', 'topics', 'conversation', 'users', 'until', 'replaced')
local left = redis.call('PTTL', connection)
if not known[1] or left < 0 then return {} end
local now = tonumber(ARGV[1])
local expires = math.min(now + left, tonumber(known[6] or now + left))
local wait = take_frame(connection, now, 6)
local answer = {known[1], known[2], known[3] or '', known[6] or '', wait, expires}
if wait > 0 then return answer end
local replaced = (known[7] or '') .. string.format('%d %s %s\n', now, known[4] or '', known[5] or '')
local kept = {}
for line, ms, conversation, users in string.gmatch(replaced, '((%d+) ([^ \n]*) ([^ \n]*)\n)') do
  answer[#answer + 1], answer[#answer + 2] = conversation, users
  if tonumber(ms) > now - tonumber(ARGV[4]) and conversation .. users ~= '' then kept[#kept + 1] = line end
end
local first = math.max(1, #kept - tonumber(ARGV[5]) + 1)
if expires > now then
  redis.call('HSET', connection, 'conversation', ARGV[2], 'users', ARGV[3], 'replaced', table.concat(kept, '', first))
end
return answer
