-- Reads a page of the users whom a user has blocked, the newest first.
-- KEYS: 1 blocks
-- ARGV: 1 the most users; unless the page is the first, the place after which it begins: 2 time in ms, 3 user
-- Returns {1 if more follow; user, since when in ms, …}
local entries, has_more = newest(KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3])
local answer = {has_more}
for _, entry in ipairs(entries) do
  answer[#answer + 1], answer[#answer + 2] = entry[1], entry[2]
end
return answer
