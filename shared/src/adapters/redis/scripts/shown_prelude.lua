-- What readers are shown beside a record: the message that it replies to, and its reactions. It stands after `record_prelude.lua`.

-- A packed set of reactions, as a list; it stands in `reactions` under the position of its message. Version; then of each: length (1), the
-- reaction, how many have given it (2), length of the rest (3), their ids, with a zero byte before each and after the last, the newest first.
local SET_VERSION, SET = 1, '>I1c0I2I3c0'
local function reactions_in(packed)
  local list, at = {}, 2
  while packed and at <= #packed do
    local reaction, count, users
    reaction, count, users, at = unpack(SET, packed, at)
    list[#list + 1] = {reaction = reaction, count = count, users = users}
  end
  return list
end

-- What a reader is shown beside a record, as further sections. QUOTE: revision of the message that it replies to, kind, length of the author, the
-- author, the beginning of its text. REACTIONS: of each: length, the reaction, how many have given it, 1 if the reader has, how many are named;
-- of these length and id. The newest 10 are named, fewer where their ids would not fit a frame.
local QUOTE, QUOTED_BYTES, REACTIONS, NAMED, NAMED_BYTES = 64, 400, 65, 10, 2048

local function quote(state, reply)
  local quoted = find(state, (unpack('>I5', reply)), string.sub(reply, 6))
  if not quoted or is_deleted(quoted) then return '' end
  local author, text = author_of(quoted), section(quoted, TEXT)
  local value = pack('>I7I1I1c0', changed_at(quoted) or (unpack('>I7', quoted, 13)), text and TEXT or IMAGE, #author, author)
  value = value .. string.sub(text or '', 1, QUOTED_BYTES)
  return pack('>I1I2', QUOTE, #value) .. value
end

local function reactions_to(reactions, seq, reader)
  local value, bytes = {}, NAMED_BYTES
  for _, given in ipairs(reactions_in(call('HGET', reactions, int(seq)))) do
    local mine = reader and string.find(given.users, '\0' .. reader .. '\0', 1, true) and 1 or 0
    local named = {}
    for id in string.gmatch(given.users, '[^%z]+') do
      bytes = bytes - #id - 4
      if #named == NAMED or bytes < 0 then break end
      named[#named + 1] = pack('>I1', #id) .. id
    end
    value[#value + 1] = pack('>I1c0I2I1I1', #given.reaction, given.reaction, given.count, mine, #named) .. table.concat(named)
  end
  value = table.concat(value)
  return pack('>I1I2', REACTIONS, #value) .. value
end

-- A record as a reader is shown it; without `reactions`, its reactions are left out.
local function shown(record, seq, state, reactions, reader)
  if record == '' or not has_more(record) then return record end
  local reply = section(record, REPLY)
  if reply then record = record .. quote(state, reply) end
  if reactions and section(record, REACTED) then record = record .. reactions_to(reactions, seq, reader) end
  return record
end

-- Who has given which of the reactions to a message: id → bits, the lowest for the first.
local function reacted(reactions, seq, record)
  local bits = {}
  if record == '' or not has_more(record) then return bits end
  for index, given in ipairs(reactions_in(call('HGET', reactions, int(seq)))) do
    for id in string.gmatch(given.users, '[^%z]+') do bits[id] = (bits[id] or 0) + 2 ^ (index - 1) end
  end
  return bits
end
