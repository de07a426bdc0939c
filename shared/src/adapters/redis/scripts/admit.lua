-- Admits a request of a user, or says why not.
-- KEYS: 1 limits, 2 meta, 3 entries
-- ARGV: 1 now in ms, 2 when the token was issued in ms or '', 3 'read', 'own', 'write' or 'charge', 4 the conversation that it may begin, as the user
--       names it, or ''; from 5 on the buckets, as `wanted` takes them. 'own': if the first bucket is empty, the last one is used in its place
-- Returns {'admitted', until when the user is near a limit in ms}, {'wait', name of the bucket, for how long in ms}, {'banned', until when in ms} or
-- {'revoked'}
local limits, meta, entries = KEYS[1], KEYS[2], KEYS[3]
local now, mode, chat = tonumber(ARGV[1]), ARGV[3], ARGV[4]
local refused = refusal(meta, now, ARGV[2], mode == 'write' or mode == 'charge')
if refused then return refused end
local buckets = {}
for _, bucket in ipairs(wanted(5)) do
  local begins = bucket.name ~= 'conversations' or chat ~= '' and call('HEXISTS', entries, chat) == 0
  if begins then buckets[#buckets + 1] = bucket end
end
local spare = mode == 'own' and table.remove(buckets)
local near, empty, wait = take(limits, now, buckets, mode == 'charge')
if empty and spare then
  near, empty, wait = take(limits, now, {spare})
  empty = empty and buckets[1].name
end
if empty then return {'wait', empty, wait} end
return {'admitted', int(near)}
