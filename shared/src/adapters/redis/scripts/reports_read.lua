-- Reads a page of the reports of a site, the newest first.
-- KEYS: 1 all, open or resolved, 2 records
-- ARGV: 1 the most reports, 2 bytes of reports after which the page ends; unless the page is the first, the place after which it begins: 3 time in
--       ms, 4 report
-- Returns {1 if more follow; report, when it was made in ms, packed report, …}
local entries, has_more = newest(KEYS[1], tonumber(ARGV[1]), ARGV[3], ARGV[4])
local answer, bytes = {has_more}, tonumber(ARGV[2])
for _, entry in ipairs(entries) do
  if bytes <= 0 then
    answer[1] = 1
    break
  end
  local packed = redis.call('HGET', KEYS[2], entry[1]) or ''
  local next = #answer + 1
  answer[next], answer[next + 1], answer[next + 2] = entry[1], entry[2], packed
  bytes = bytes - #packed
end
return answer
