-- Reads a report.
-- KEYS: 1 all, 2 records
-- ARGV: 1 report
-- Returns {when it was made in ms, packed report}, or {} if no report has that id.
local reported, packed = redis.call('ZSCORE', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1])
if not (reported and packed) then return {} end
return {string.format('%.0f', reported), packed}
