-- Shared by the scripts that look into records or tell who has read; it is put before each of them, after `conversation_prelude.lua`.

local function version_of(record)
  return math.floor(string.byte(record) / 32)
end

local function is_deleted(record)
  return string.byte(record) % 2 == DELETED
end

local function author_of(record)
  return string.sub(record, 21, 20 + string.byte(record, 20))
end

-- Where the sections of a record begin.
local function sections_of(record)
  return 21 + string.byte(record, 20)
end

-- The value of a section, or nil.
local function section(record, tag)
  local at = sections_of(record)
  while at < #record do
    local of, length = unpack('>I1I2', record, at)
    if of == tag then return string.sub(record, at + 3, at + 2 + length) end
    at = at + 3 + length
  end
end

-- The revision of the last change after a message was added, or nil.
local function changed_at(record)
  local changed = section(record, CHANGED)
  return changed and (unpack('>I7', changed))
end

-- The record at that position, if it is the one with that identity.
local function find(state, seq, identity)
  local record = record_at(state, seq)
  return record and string.sub(record, 2, 12) == identity and record
end

-- Tells a reader how far members have read, if they have read since that value of the clock: length of the id, id, read position. A member who has
-- read nothing has the value 0. With `alone`, it tells of the reader only.
local function readers(members, since, reader, alone)
  local told, all = {}, nil
  if alone then
    all = {reader, call('HGET', members, reader) or nil}
  else
    all = call('HGETALL', members)
  end
  for index = 1, #all - 1, 2 do
    local own, own_at, shown, shown_at = read_by(all[index + 1])
    local is_own = all[index] == reader
    local read, at = is_own and own or shown, is_own and own_at or shown_at
    if at > since then told[#told + 1] = pack('>I1', #all[index]) .. all[index] .. pack('>I5', read) end
  end
  return table.concat(told)
end
