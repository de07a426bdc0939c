-- Shared by the scripts that tell what is fleeting in a conversation; it is put before each of them.

-- Answers which connections have the conversation on the screen, and are told. All of them are, or none: each is a push, and readers times watchers
-- would grow with the square of a topic. `budget` says until when pushes that were allowed before use up what may be pushed: each uses `push_ms`,
-- and it may be up to `burst_ms` ahead of now.
local function to_tell(watching, budget, now, push_ms, burst_ms)
  local told = redis.call('ZRANGEBYSCORE', watching, '(' .. now, '+inf')
  if #told == 0 then return told end
  local used_until = math.max(tonumber(redis.call('GET', budget) or 0), now)
  if used_until > now + burst_ms then return {} end
  used_until = string.format('%d', used_until + #told * push_ms)
  redis.call('SET', budget, used_until, 'PXAT', used_until)
  return told
end
