-- Used by `conversation_erase.lua`; it stands after `rewriting_prelude.lua` and `edits_prelude.lua`.

-- The ids of a list in which each stands after its length.
local function ids_in(list)
  local ids, at = {}, 1
  while list and at <= #list do ids[#ids + 1], at = unpack('>I1c0', list, at) end
  return ids
end

-- A record that mentions the user, without that; nil if it does not. `new` are other sections that it gets.
local function without_mention(record, who, new)
  local kept, found = {}, false
  for _, id in ipairs(ids_in(section(record, MENTIONS))) do
    if id == who then found = true else kept[#kept + 1] = pack('>I1c0', #id, id) end
  end
  if not found then return nil end
  new[MENTIONS] = table.concat(kept)
  return rewritten(record, new)
end

-- A packed set of reactions without those of the user, '' if none is left; nil if the user has given none.
local function without_reactions(packed, who)
  if not packed or not string.find(packed, '\0' .. who .. '\0', 1, true) then return nil end
  check(string.byte(packed), SET_VERSION)
  local parts = {}
  for _, given in ipairs(reactions_in(packed)) do
    local from, to = string.find(given.users, '\0' .. who .. '\0', 1, true)
    if from then
      given.count = given.count - 1
      given.users = string.sub(given.users, 1, from - 1) .. string.sub(given.users, to)
    end
    if given.count > 0 then parts[#parts + 1] = pack(SET, #given.reaction, given.reaction, given.count, #given.users, given.users) end
  end
  return #parts > 0 and string.char(SET_VERSION) .. table.concat(parts) or ''
end

-- Kept versions of a message of somebody else, without mentions of the user; nil if there are none.
local function without_mentions(versions, who)
  if not versions or not string.find(versions, who, 1, true) then return nil end
  check(string.byte(versions), EDITS_VERSION)
  local parts, at, found = {string.char(EDITS_VERSION)}, 2, false
  while at <= #versions do
    local length = unpack(EDIT, versions, at)
    local version = string.sub(versions, at + 3, at + 2 + length)
    check(version_of(version), RECORD)
    local cleared = without_mention(version, who, {})
    found, version, at = found or cleared ~= nil, cleared or version, at + 3 + length
    parts[#parts + 1] = pack(EDIT, #version) .. version
  end
  return found and table.concat(parts) or nil
end
