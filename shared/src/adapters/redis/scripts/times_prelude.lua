-- Shared by the scripts that read a set whose scores are times, the newest first; it is put before each of them.

-- Some members of a set and their times, behind a place: a time in ms and a member; from the beginning if there is no time. Also says whether more
-- follow: 1 or 0.
local function newest(set, most, time, after)
  local skipped = 0
  if time then
    skipped = redis.call('ZCOUNT', set, '(' .. time, '+inf')
    -- Those of one time are in the order of their names, the highest first.
    for _, member in ipairs(redis.call('ZREVRANGEBYSCORE', set, time, time)) do
      if member >= after then skipped = skipped + 1 end
    end
  end
  local found = redis.call('ZREVRANGE', set, skipped, skipped + most, 'WITHSCORES')
  local has_more = #found > most * 2 and 1 or 0
  local entries = {}
  for index = 1, math.min(#found, most * 2), 2 do
    entries[#entries + 1] = {found[index], string.format('%.0f', found[index + 1])}
  end
  return entries, has_more
end
