-- Tells a participant how a conversation is now, unless the participant's slot knows that or something newer. Order and repetition do not matter.
-- KEYS: those of `entry_prelude.lua`
-- ARGV: 1 now in ms, 2 epoch for a user who has none, 3 the conversation as the participant names it, 4 the entry, from HEAD on
-- Returns what `told` returns.
local chat, entry = ARGV[3], ARGV[4]
local known = read_entry(chat)
local _, marks, clock, unread, _, activity, latest = unpack(HEAD, entry)
if clock <= known.clock then return told(false, known) end
if marks >= LEFT and floor(marks / LEFT_NOW) % 2 == 0 then
  -- A user who leaves without ever having been a member is told nothing. A user who was a member until now gets an entry that says "left", even if
  -- there was none: a writer that tells of the membership too late then finds a newer entry.
  if not known.packed then return told(false, known) end
  -- A user who has left already knows it. Only the clock is noted, for the same reason.
  if known.marks >= LEFT then
    call('HSET', entries, chat, string.sub(known.packed, 1, 2) .. string.sub(entry, 3, 9) .. string.sub(known.packed, 10))
    return told(false, known)
  end
end
-- Others have read in the topic, which takes a value of the clock and is nothing new here.
marks = marks - marks % MARKS
if known.latest == latest and known.marks == marks and string.sub(entry, 10) == string.sub(known.packed or '', 10) then return told(false, known) end

local own = known.own
-- A new message brings back what was hidden. A direct conversation leaves when it is empty, and keeps its other settings for the next message.
if (latest > known.latest or marks >= LEFT) and floor(own / HIDDEN) % 2 == 1 then own = own - HIDDEN end
if marks >= LEFT and string.sub(chat, 1, 5) ~= 'user-' then own = 0 end
keep_entry(chat, known, own, marks, unread, activity, entry)
return told(true, known)
