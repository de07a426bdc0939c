-- Adds a message at the end of a conversation; gives it its position, its time and its revision. Its author has read what stands before it.
-- KEYS: 1 log, 2 meta, 3 members, 4 gone, 5 operation
-- ARGV: 1 now in ms, 2 first byte of the record, 3 its random bytes, 4 the record from the length of the author on, 5 hash of the content, 6 how
--       long the operation is remembered in ms, 7 author, 8 … the members of a conversation that begins
-- Returns what `decided` returns, or {'reused'}.
local log, meta, members, gone, operation = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, hash, author = tonumber(ARGV[1]), ARGV[5], ARGV[7]
local state = read_state(meta)
local before = done_before(log, gone, members, state, operation, hash)
if before then return before end

local all = call('HGETALL', members)
local place = place_of(author, all)
-- Refuses before anything is written.
for index = 8, place and 0 or #ARGV do place_of(ARGV[index], all) end
-- Order and time never disagree, also when a clock lies behind.
state.ms = math.max(now, state.ms)
revise(meta, state, state.ms)
if not place then
  for index = 8, #ARGV do join(members, all, ARGV[index]) end
  place = join(members, all, author)
end
local identity = pack('>I6', state.ms) .. ARGV[3]
local record = ARGV[2] .. identity .. pack('>I7', state.rev) .. ARGV[4]
local seq = state.base + call('RPUSH', log, record)
keep_read(members, all, place, seq, state.clock)
remember(operation, state, seq, identity, hash, ARGV[6])
return decided(log, gone, all, state, {rev = state.rev, seq = seq, last = seq, identity = identity, record = record})
