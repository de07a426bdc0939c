-- Tells a participant how a conversation is now, unless the participant's slot knows that or something newer. Order and repetition do not matter.
-- KEYS: those of `entry_prelude.lua`
-- ARGV: 1 now in ms, 2 epoch for a user who has none, 3 the conversation as the participant names it, 4 the entry, from HEAD on
-- Returns what `told` returns.
local chat, entry = ARGV[3], ARGV[4]
local known = read_entry(chat)
local _, marks, clock, unread, _, activity, latest = unpack(HEAD, entry)
-- Who has left and knows nothing of it has nothing to be told.
if clock <= known.clock or marks >= LEFT and not known.packed then return told(false, known) end

local own = {muted = known.own.muted, hidden = known.own.hidden and latest <= known.latest, pinned = known.own.pinned}
if marks >= LEFT then own = {} end
keep_entry(chat, known, own, marks, unread, activity, entry)
return told(true, known)
