-- Shared by the scripts that change members or what they have read; it is put before each of them, after `decision_prelude.lua`.

-- Notes that other members are there since this revision, so that clients who were away load them anew.
local function note_members(state)
  call('HSET', meta, 'members', int(state.rev))
end

-- Where a member who can be rewritten stands among all, or nil.
local function place_of(id, all)
  for index = 1, #all, 2 do
    if all[index] == id then
      return index, check(string.byte(all[index + 1]), MEMBER_VERSION)
    end
  end
end

-- Adds a member; returns the place. One who is there already stays as it is.
local function join(all, id, ms, read, clock)
  local place = place_of(id, all) or #all + 1
  if not all[place] then
    all[place], all[place + 1] = id, pack(MEMBER, MEMBER_VERSION, 0, ms, read, clock)
    call('HSET', members, id, all[place + 1])
  end
  return place
end

-- Rewrites the member at that place. What a newer release has added behind it stays.
local function keep_member(all, place, role, since, read, clock)
  all[place + 1] = pack(MEMBER, MEMBER_VERSION, role, since, read, clock) .. string.sub(all[place + 1], MEMBER_BYTES + 1)
  call('HSET', members, all[place], all[place + 1])
end

-- What was mentioned up to there is read.
local function forget_mentions(id, seq)
  if has_mentions then call('ZREMRANGEBYLEX', mentions, '[' .. id .. '\0', '[' .. id .. '\0' .. pack('>I5', seq)) end
end

-- Moves the read position of the member at that place.
local function keep_read(all, place, seq, clock, has_written)
  local id, _, role, since = all[place], unpack(MEMBER, all[place + 1])
  if has_written and role < HAS_WRITTEN then role = role + HAS_WRITTEN end
  keep_member(all, place, role, since, seq, clock)
  forget_mentions(id, seq)
end
