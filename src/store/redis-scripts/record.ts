import { UNREADABLE } from '../../domain/agent-version.ts';
import { EXPIRED, FLAG, MAX_PACKED, SAME, STRANGER, UNPROVEN } from '../packing.ts';

/**
 * Lua: an agent's record, read from its three hashes and written back, as `unpackRecord` and `packRecord` do. Times are
 * kept as they came, beside their number, since Lua has no way to write base 36.
 */
export const RECORDS = `
local function time(text) return tonumber(text, 36) end

local function sightingOf(channel, version, at, updater, runs, group)
  return {
    channel = channel, version = version, at = time(at), atText = at, updater = updater, group = group,
    runs = runs == '${SAME}' and version or runs, enrolled = true, proven = true, expired = false,
  }
end

local function unpackCheckIn(packed)
  if not packed then return nil end
  local stranger, unproven, channel, version, at, updater, runs, group =
    string.match(packed, '^(${STRANGER}?)(${UNPROVEN}?)(%S+) (%S+) (%S+) ?(%S*) ?(%S*) ?(%S*)')
  local sighting = sightingOf(channel, version, at, updater, runs, group)
  sighting.enrolled, sighting.proven = stranger == '', unproven == ''
  return sighting
end

local function unpackInventory(packed)
  if not packed then return nil end
  local channel, version, at, updater, runs, group, state, listedAt, scope, host, updateId =
    string.match(packed, '^(%S+) (%S+) (%S+) ?(%S*) ?(%S*) ?(%S*) ?(%S*) ?(%S*) ?(%S*) ?(%S*) ?(%S*)$')
  local sighting = sightingOf(channel, version, at, updater, runs, group)
  sighting.expired = string.find(state, '${EXPIRED}', 1, true) ~= nil
  sighting.state = string.match(state, '^[^${EXPIRED}]*')
  sighting.listedText = listedAt == '' and at or listedAt
  sighting.scope = scope == '' and channel or scope
  sighting.host, sighting.updateId = host, updateId
  return sighting
end

local function unpackPast(packed)
  local past = { elsewhere = {} }
  if not packed then return past end
  local from, was, at, versions, lowAt, others = string.match(packed, '^(%S*) (%S*) (%S*) (%S*) (%S*) ?(.*)$')
  if from ~= '' then past.reverted = { from = from, was = time(was), wasText = was, atText = at } end
  if versions ~= '' then
    local version, high = string.match(versions, '^([^>]*)>?(.*)$')
    past.contested = { version = version, at = time(lowAt), atText = lowAt, high = high ~= '' and high or nil }
  end
  for channel, seen in string.gmatch(others, '(%S+) (%S+)') do
    table.insert(past.elsewhere, { channel = channel, at = time(seen), atText = seen })
  end
  return past
end

local function trimmed(text) return (string.gsub(text, ' +$', '')) end

local function fieldsOf(sighting, place)
  local runs = sighting.runs == sighting.version and '${SAME}' or sighting.runs
  return table.concat({ place, sighting.version, sighting.atText, sighting.updater, runs, sighting.group }, ' ')
end

local function differs(a, b) return a ~= '' and b ~= '' and a ~= b end

local function isFlagged(record)
  local past, checkIn, inventory = record.past, record.checkIn, record.inventory
  if past.reverted or past.contested or #past.elsewhere > 0 then return true end
  if not inventory then return false end
  return inventory.expired or inventory.channel ~= checkIn.channel or inventory.version ~= checkIn.version
    or differs(inventory.group, checkIn.group) or differs(inventory.updater, checkIn.updater)
end

local function packCheckIn(record)
  local checkIn = record.checkIn
  if not checkIn then return false end
  local place = (checkIn.enrolled and '' or '${STRANGER}') .. (checkIn.proven and '' or '${UNPROVEN}') .. checkIn.channel
  local packed = fieldsOf(checkIn, place)
  return isFlagged(record) and packed .. ' ${FLAG}' or trimmed(packed)
end

local function packInventory(inventory)
  if not inventory then return false end
  local state = inventory.state .. (inventory.expired and '${EXPIRED}' or '')
  local scope = inventory.scope == inventory.channel and '' or inventory.scope
  local packed = fieldsOf(inventory, inventory.channel) .. ' ' .. state .. ' ' .. inventory.listedText .. ' ' .. scope
  local full = packed .. ' ' .. inventory.host
  local hasRoom = inventory.host ~= '' and #full <= ${MAX_PACKED}
  if inventory.updateId ~= '' then return (hasRoom and full or packed .. ' ') .. ' ' .. inventory.updateId end
  return hasRoom and full or trimmed(packed)
end

local function packPast(past)
  local reverted, contested = past.reverted, past.contested
  if not reverted and not contested and #past.elsewhere == 0 then return false end
  local fields = reverted and { reverted.from, reverted.wasText, reverted.atText } or { '', '', '' }
  table.insert(fields, contested and contested.version .. (contested.high and '>' .. contested.high or '') or '')
  table.insert(fields, contested and contested.atText or '')
  for _, other in ipairs(past.elsewhere) do
    table.insert(fields, other.channel)
    table.insert(fields, other.atText)
  end
  return table.concat(fields, ' ')
end

-- The record of an agent, whose bucket's first key is KEYS[slot]. What is packed is nil or false where there is none.
local function unpackRecord(checkIn, inventory, past)
  return {
    checkIn = unpackCheckIn(checkIn), inventory = unpackInventory(inventory), past = unpackPast(past),
    packed = { checkIn, inventory, past },
  }
end

local function load(slot, id, checkIn)
  if checkIn == nil then checkIn = redis.call('HGET', KEYS[slot], id) end
  return unpackRecord(checkIn, redis.call('HGET', KEYS[slot + 1], id), redis.call('HGET', KEYS[slot + 2], id))
end

local function save(slot, id, before, after)
  local packed = { packCheckIn(after), packInventory(after.inventory), packPast(after.past) }
  for part = 1, 3 do
    local was, is = before.packed[part], packed[part]
    if is and is ~= was then redis.call('HSET', KEYS[slot + part - 1], id, is) end
    if was and not is then redis.call('HDEL', KEYS[slot + part - 1], id) end
  end
end
`;

/** Lua: what a record says, and what becomes of it, as domain/agent.ts has it. */
export const RULES = `
local function counts(inventory, checkIn)
  return inventory and not inventory.expired and inventory or nil, checkIn and checkIn.enrolled and checkIn or nil
end

local function currentSighting(record)
  local listed, seen = counts(record.inventory, record.checkIn)
  if not listed or not seen then return listed or seen end
  if listed.at ~= seen.at then return listed.at > seen.at and listed or seen end
  return compareVersions(listed.version, seen.version) <= 0 and listed or seen
end

local function countedVersion(record, current)
  local listed = counts(record.inventory)
  local own, contested = current.version, record.past.contested
  local low = contested and contested.version or own
  if current.proven or not listed then return lowerVersion(own, low) end
  local lowest = listed.version
  if own ~= '${UNREADABLE}' then lowest = lowerVersion(lowest, own) end
  return low ~= '${UNREADABLE}' and lowerVersion(lowest, low) or lowest
end

-- Nearly all agents have no dispute, and answer at once.
local function highestVersion(record, current, counted)
  local listed, contested = not current.proven and counts(record.inventory), record.past.contested
  if not listed and not contested then return counted end
  local highest = higherVersion(counted, current.version)
  if listed then highest = higherVersion(highest, listed.version) end
  return contested and contested.high and higherVersion(highest, contested.high) or highest
end

local function isNews(sighting, known, now)
  if not known then return true end
  if known.enrolled ~= sighting.enrolled then return sighting.enrolled end
  return sighting.at >= math.min(known.at, now)
end

local function versionsAfter(before, after, rules)
  local reverted, contested = before.past.reverted, before.past.contested
  local was, is = currentSighting(before), currentSighting(after)
  if not was or not is then return reverted, contested end
  local vouched = is.proven or not counts(after.inventory)
  local function isRecent(at) return is.at - at <= rules.contestedFor or not vouched end
  local function disputed(version, at, atText)
    local high = reverted and isRecent(reverted.was) and reverted.from or nil
    return { version = version, at = at, atText = atText, high = high }
  end
  local order = compareVersions(is.version, was.version)
  if order < 0 then
    local target = rules.targetOf(is.channel)
    local follows = target and compareVersions(is.version, target) >= 0
    if not reverted and follows and compareVersions(target, was.version) < 0 then return reverted, contested end
    local higher = reverted and compareVersions(reverted.from, was.version) > 0 and reverted
      or { from = was.version, was = was.at, wasText = was.atText }
    reverted = { from = higher.from, was = higher.was, wasText = higher.wasText, atText = is.atText }
    return reverted, contested and disputed(contested.version, contested.at, contested.atText)
  end
  local isOpen = contested and isRecent(contested.at)
  local open = isOpen and disputed(contested.version, contested.at, contested.atText) or nil
  local said = was.proven or was.version ~= '${UNREADABLE}'
  if reverted and said and order > 0 and compareVersions(was.version, reverted.from) < 0
    and (not open or compareVersions(was.version, open.version) <= 0) then
    open = disputed(was.version, was.at, was.atText)
  end
  if reverted and not open and compareVersions(is.version, reverted.from) >= 0 then reverted = nil end
  return reverted, open
end

local function elsewhereAfter(elsewhere, before, after)
  if not before or not after or not before.enrolled or not after.enrolled then return elsewhere end
  if before.channel == after.channel then return elsewhere end
  local others = {}
  for _, other in ipairs(elsewhere) do
    if other.channel ~= before.channel and other.channel ~= after.channel then table.insert(others, other) end
  end
  table.insert(others, { channel = before.channel, at = before.at, atText = before.atText })
  return others
end

local function copy(from)
  local to = {}
  for key, value in pairs(from) do to[key] = value end
  return to
end

-- The record after a sighting in \`part\`, or nil where it is refused; and whether it was news.
local function recordSighting(before, part, sighting, rules)
  local known = before[part]
  local after = { checkIn = before.checkIn, inventory = before.inventory, past = before.past }
  if not isNews(sighting, known, rules.now) then
    if part == 'checkIn' then return before, false end
    after.inventory = copy(known)
    if sighting.channel == known.channel or sighting.scope == known.scope then
      after.inventory.listedText, after.inventory.scope = sighting.listedText, sighting.scope
    end
    return after, false
  end
  if known and known.expired and known.at == sighting.at then sighting.expired = true end
  after[part] = sighting
  local elsewhere = elsewhereAfter(before.past.elsewhere, before.checkIn, after.checkIn)
  if #elsewhere > rules.maxElsewhere then return nil, true end
  local reverted, contested = versionsAfter(before, after, rules)
  after.past = { reverted = reverted, contested = contested, elsewhere = elsewhere }
  return after, true
end
`;
