-- Takes a conversation from an inbox, because it is gone as a whole. The user gets another epoch, so that every client of the user is told to load
-- the inbox anew. Done again, it changes nothing.
-- KEYS: those of `entry_prelude.lua`
-- ARGV: 1 now in ms, 2 the new epoch, 3 the conversation as the user names it
-- Returns nothing
local chat = ARGV[3]
local known = read_entry(chat)
if not known.packed then return end
local counted = known.own % 2 == MUTED and 0 or known.unread
call('HDEL', entries, chat)
for _, set in ipairs({inbox, changed, hidden}) do call('ZREM', set, chat) end
local position, unread = math.max(known.before + 1, now * 1024), known.unread_total - counted
call('HSET', meta, 'epoch', ARGV[2], 'position', string.format('%d', position), 'unread', string.format('%d', unread))
