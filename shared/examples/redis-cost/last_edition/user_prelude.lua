-- The last edition's script, as it was at commit ff8c96b. Nothing but this bench runs it.
-- What the scripts of a user share; it stands before each of them.
--
-- An event of the log: kind, time in ms, seq, revision (0 if it is not known); the conversation as the owner of the log names it.
local EVENT, NEW, DELETION = '>I1I6I5I6', 1, 3

-- How many events were cut off before the first one.
local function base_of(meta)
  return tonumber(redis.call('HGET', meta, 'base') or 0)
end

-- The time of the event at a position; before the first one that is kept, of the last one that is not.
local function time_at(events, meta, base, position)
  local event = position > base and redis.call('LINDEX', events, position - base - 1)
  if event then return (select(2, struct.unpack(EVENT, event))) end
  return tonumber(redis.call('HGET', meta, 'base_ms') or 0)
end

-- The position of an event among the newest that were written since a time; 0 if it is not there. A new message is known by its seq alone.
local function find_event(events, base, since, chat, kind, seq, revision)
  local from = math.max(0, redis.call('LLEN', events) - 256)
  local recent = redis.call('LRANGE', events, from, -1)
  for index = #recent, 1, -1 do
    local of_kind, ms, of_seq, of_revision, chat_at = struct.unpack(EVENT, recent[index])
    if ms < since then break end
    local same = of_kind == kind and of_seq == seq and (kind == NEW or of_revision == revision)
    if same and string.sub(recent[index], chat_at) == chat then return base + from + index end
  end
  return 0
end

-- Cuts off what is too much or too old; the old ones a few at a time, so that a log that slept for a month costs no one a slow request.
local function cut(events, meta, base, kept, oldest)
  local surplus = math.max(0, redis.call('LLEN', events) - kept)
  for _, event in ipairs(redis.call('LRANGE', events, surplus, surplus + 7)) do
    if select(2, struct.unpack(EVENT, event)) >= oldest then break end
    surplus = surplus + 1
  end
  if surplus == 0 then return end
  local base_ms = string.format('%.0f', time_at(events, meta, base, base + surplus))
  redis.call('HSET', meta, 'base', base + surplus, 'base_ms', base_ms)
  redis.call('LTRIM', events, surplus, -1)
end

-- A preview: version, revision, last seq, read seq, seq of the newest live message, number of deleted unread ones; their seqs; the record.
local PREVIEW = '>I1I6I5I5I5I2'
-- Seqs beyond it are no longer told apart from unread ones, so that no preview grows without end.
local SKIPPED_MAX = 1000

local function unpack_preview(stored)
  local preview = {revision = 0, last = 0, read = 0, latest = 0, record = '', skipped = {}, unread = 0}
  if not stored then return preview end
  local _, revision, last, read, latest, count, at = struct.unpack(PREVIEW, stored)
  for _ = 1, count do
    preview.skipped[struct.unpack('>I5', stored, at)] = true
    at = at + 5
  end
  preview.revision, preview.last, preview.read, preview.latest = revision, last, read, latest
  preview.record, preview.unread = string.sub(stored, at), math.max(0, last - read - count)
  return preview
end

-- Returns the packed preview, and how many messages are unread.
local function pack_preview(preview)
  local read, last = math.min(preview.read, preview.last), preview.last
  -- What was deleted right behind the read position is as good as read.
  while preview.skipped[read + 1] do read = read + 1 end
  local skipped = {}
  for seq in pairs(preview.skipped) do
    if seq > read and seq <= last and #skipped < SKIPPED_MAX then skipped[#skipped + 1] = struct.pack('>I5', seq) end
  end
  local head = struct.pack(PREVIEW, 1, preview.revision, last, read, preview.latest, #skipped)
  return head .. table.concat(skipped) .. preview.record, math.max(0, last - read - #skipped)
end
