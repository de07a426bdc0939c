-- Changes how a conversation stands in its owner's inbox.
-- KEYS: those of `entry_prelude.lua`
-- ARGV: 1 now in ms, 2 epoch for a user who has none, 3 the conversation as the owner names it; muted, hidden, pinned: 4-6 each '1', '0', or ''
--       to leave it
-- Returns what `told` returns and the entry, or {} if the inbox has no such conversation.
local chat = ARGV[3]
local known = read_entry(chat)
if not known.packed or known.marks >= LEFT then return {} end
-- Flags that a newer release has added stay as they are.
local own = known.own
for index, flag in ipairs({MUTED, HIDDEN, PINNED}) do
  local is_set, wanted = floor(own / flag) % 2 == 1, ARGV[3 + index]
  if wanted == '1' and not is_set then own = own + flag end
  if wanted == '0' and is_set then own = own - flag end
end
local is_news = own ~= known.own
local entry = known.packed
if is_news then entry = keep_entry(chat, known, own, known.marks, known.unread, known.activity, entry) end
local answer = told(is_news, known)
answer[#answer + 1] = entry
return answer
