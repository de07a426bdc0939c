-- Shared by the scripts that change an inbox entry; it is put before each of them.
-- KEYS of each of them: 1 inbox, 2 entries, 3 changed, 4 meta, 5 connections, 6 hidden
local call, pack, unpack, floor = redis.call, struct.pack, struct.unpack, math.floor
local inbox, entries, changed, meta, connections, hidden = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now = tonumber(ARGV[1])

-- How an entry begins: version, flags, clock of the conversation, unread messages, revision, time of the newest message in ms, position of the
-- newest live message. Scripts do not read the rest. The low flags are the owner's own: 1 muted, 2 hidden, 4 pinned. The others, the marks, are of
-- the conversation; LEFT_NOW is not kept.
local VERSION, HEAD = 1, '>I1I1I7I5I7I6I5'
local MUTED, HIDDEN, PINNED, LEFT_NOW, MARKS, LEFT = 1, 2, 4, 32, 64, 128
-- What is added to the time of a pinned conversation, by which the inbox is in order.
local PINNED_MS = 2 ^ 45

-- The entry of a conversation, and how far the user was told.
local function read_entry(chat)
  local packed, user = call('HGET', entries, chat), call('HMGET', meta, 'epoch', 'position', 'unread', 'opening')
  local known = {
    packed = packed, own = 0, marks = 0, clock = 0, unread = 0, rev = 0, latest = 0,
    has_epoch = user[1], epoch = user[1] or ARGV[2], before = tonumber(user[2] or 0), unread_total = tonumber(user[3] or 0),
    opening = user[4] or '',
  }
  if packed then
    local version, flags
    version, flags, known.clock, known.unread, known.rev, known.activity, known.latest = unpack(HEAD, packed)
    if version > VERSION then error({err = 'NEWER a newer release has written this'}) end
    known.own, known.marks = flags % MARKS, flags - flags % MARKS
  end
  return known
end

-- Keeps an entry, and gives it the user's next position: a hybrid clock, which only grows and of which a failover never gives a value twice.
local function keep_entry(chat, known, own, marks, unread, activity, entry)
  if string.byte(entry, 2) ~= marks + own then entry = string.sub(entry, 1, 1) .. string.char(marks + own) .. string.sub(entry, 3) end
  known.position = math.max(known.before + 1, now * 1024)
  known.unread_total = known.unread_total + (own % 2 == MUTED and 0 or unread) - (known.own % 2 == MUTED and 0 or known.unread)
  local is_hidden, was_hidden = floor(own / HIDDEN) % 2 == 1, floor(known.own / HIDDEN) % 2 == 1
  local position, order = string.format('%d', known.position), string.format('%d', activity + (floor(own / PINNED) % 2 == 1 and PINNED_MS or 0))
  call('HSET', entries, chat, entry)
  call('ZADD', changed, position, chat)
  if marks >= LEFT or is_hidden then call('ZREM', inbox, chat) else call('ZADD', inbox, order, chat) end
  if is_hidden then call('ZADD', hidden, order, chat) elseif was_hidden then call('ZREM', hidden, chat) end
  call('HSET', meta, 'position', position, 'unread', string.format('%d', known.unread_total))
  if not known.has_epoch then call('HSET', meta, 'epoch', known.epoch) end
  return entry
end

-- Answers {connection, until when it is or was good in ms, … of each; which handshakes may be under way: until when in ms, and the connection, of
-- each; 1 if it was told, position, the position before it, revision before it, unread in the whole inbox, then the epoch}. One list, because
-- each table in an answer costs Redis as much as a command.
local function told(is_told, known)
  local answer = call('ZRANGE', connections, 0, -1, 'WITHSCORES')
  local head = pack('>I1I7I7I7I5', is_told and 1 or 0, known.position or known.before, known.before, known.rev, known.unread_total)
  answer[#answer + 1], answer[#answer + 2] = known.opening, head .. known.epoch
  return answer
end
