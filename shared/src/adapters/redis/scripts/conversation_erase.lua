-- Takes a user out of a part of a conversation. Messages of the user become tombstones of nobody; in messages of others, mentions and reactions of
-- the user go. Each changed message gets a revision of its own, so that a page of changes can end between them. The user is no member any more.
-- Done again, it changes nothing.
-- KEYS: those of `decision_prelude.lua`, 9 edits, 10 watching
-- ARGV: 1 now in ms, 2 the user, 3 nobody's id, 4 first position, 5 last position
-- Returns what `decided` returns, about the last message that changed.
local edits, now, who, nobody = KEYS[9], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local state, all = read_state(meta), call('HGETALL', members)
check(state.version, STATE_VERSION)
local place, to_do = place_of(who, all), {}
local first, last = math.max(state.base + 1, tonumber(ARGV[4])), tonumber(ARGV[5])
-- Everything that can fail comes before the first write.
for index, record in ipairs(records_between(state, first, last)) do
  local seq = first + index - 1
  local kept = call('HGET', edits, int(seq)) or nil
  check(version_of(record), RECORD)
  if author_of(record) == who then
    to_do[#to_do + 1] = {seq = seq, own = record}
  else
    local new = {}
    local todo = {seq = seq, edits = without_mentions(kept, who), record = without_mention(record, who, new)}
    todo.reactions = has_more(record) and without_reactions(call('HGET', reactions, int(seq)) or nil, who) or nil
    if todo.reactions then todo.record = todo.record or record end
    if todo.record or todo.edits then to_do[#to_do + 1] = todo end
  end
end

local done = {rev = state.rev, again = true}
local function change(seq, record)
  revise(state, now)
  record = rewritten(record, {[CHANGED] = pack('>I7', state.rev)})
  keep_record(state, seq, record)
  done = {rev = state.rev, seq = seq, identity = string.sub(record, 2, 12), record = record}
end
if place then
  revise(state, now)
  table.remove(all, place)
  table.remove(all, place)
  call('HDEL', members, who)
  call('ZREMRANGEBYLEX', mentions, '[' .. who .. '\0', '(' .. who .. '\1')
  for _, watcher in ipairs(call('ZRANGE', KEYS[10], 0, -1)) do
    if string.match(watcher, '^[^:]*:(.*)$') == who then call('ZREM', KEYS[10], watcher) end
  end
  note_members(state)
  done = {rev = state.rev}
end
for _, todo in ipairs(to_do) do
  local seq, own = todo.seq, todo.own
  if own then
    local head, sections = string.sub(own, 2, 19) .. pack('>I1c0', #nobody, nobody), string.sub(own, sections_of(own))
    call('HDEL', edits, int(seq))
    if is_deleted(own) then
      replace(state, seq, string.sub(own, 1, 1) .. head .. sections)
    else
      for _, id in ipairs(ids_in(section(own, MENTIONS))) do call('ZREM', mentions, id .. '\0' .. pack('>I5', seq)) end
      call('HDEL', reactions, int(seq))
      call('ZADD', gone, seq, seq)
      state.gone = math.max(state.gone, seq)
      change(seq, string.char(RECORD * 32 + DELETED) .. head)
    end
  else
    if todo.edits then call('HSET', edits, int(seq), todo.edits) end
    if todo.reactions == '' then call('HDEL', reactions, int(seq)) elseif todo.reactions then call('HSET', reactions, int(seq), todo.reactions) end
    if todo.record then change(seq, todo.record) end
  end
end
return decided(all, state, done)
