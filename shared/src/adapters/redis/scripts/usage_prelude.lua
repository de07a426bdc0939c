-- Shared by the scripts that admit a request of a user; it is put before each of them.
-- A bucket is one number in the user's `limits`: when it is full again, in µs. Each taken token moves that time by `interval`, and the bucket is
-- empty when that time is `burst` intervals ahead of now (the generic cell rate algorithm).
local call, floor, max, int = redis.call, math.floor, math.max, function(number) return string.format('%d', number) end

-- The refusal of a revoked token or a banned user, which no bucket matters for. `issued`: when the token was issued in ms, '' if it does not say.
local function refusal(meta, now, issued, is_write)
  local known = call('HMGET', meta, 'banned', 'revoked')
  if known[2] and tonumber(issued ~= '' and issued or -1) < tonumber(known[2]) then return {'revoked'} end
  if is_write and tonumber(known[1] or 0) > now then return {'banned', known[1]} end
end

-- The buckets in ARGV from `first` on. For each: name, interval in µs, burst, tokens to take.
local function wanted(first)
  local buckets = {}
  for index = first, #ARGV, 4 do
    local interval = tonumber(ARGV[index + 1])
    buckets[#buckets + 1] = {name = ARGV[index], interval = interval, size = interval * ARGV[index + 2], tokens = tonumber(ARGV[index + 3])}
  end
  return buckets
end

-- Takes from all of these buckets, or from none unless `overdraws`. Returns until when in ms one of them (not that of requests) is less than half
-- full, 0 if none is; or nil, the name of the empty bucket, and for how long it is empty in ms.
local function take(limits, now, buckets, overdraws)
  local near, last, changes = 0, 0, {}
  for _, bucket in ipairs(buckets) do
    local full = max(tonumber(call('HGET', limits, bucket.name) or 0), now * 1000) + bucket.interval * bucket.tokens
    local over = full - now * 1000 - bucket.size
    if over > 0 and bucket.tokens > 0 and not overdraws then return nil, bucket.name, math.ceil(over / 1000) end
    if over > -bucket.size / 2 and bucket.name ~= 'requests' then near = max(near, floor((full - bucket.size / 2) / 1000)) end
    if bucket.tokens > 0 then
      changes[#changes + 1], changes[#changes + 2] = bucket.name, int(full)
      last = max(last, full)
    end
  end
  if #changes > 0 then
    call('HSET', limits, unpack(changes))
    local left = math.ceil(last / 1000) - now + 1
    -- The key of an idle user expires. A new key does not, and then GT changes nothing.
    if call('PEXPIRE', limits, left, 'GT') == 0 and call('PTTL', limits) < 0 then call('PEXPIRE', limits, left) end
  end
  return near
end
