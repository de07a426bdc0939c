-- Notes how far a walk through all conversations has come.
-- KEYS: 1 walk
-- ARGV: 1 the note
-- Returns nothing
redis.call('SET', KEYS[1], ARGV[1])
