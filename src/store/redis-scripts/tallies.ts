import { UNREADABLE } from '../../domain/agent-version.ts';
import { OTHER_GROUP } from '../../domain/store.ts';
import { MAX_COUNTERS, MAX_GROUPS, MAX_VERSIONS } from '../bounds.ts';
import { AGENTS_OF_SHARD, KINDS, STRANGERS_OF_SHARD } from '../counters.ts';
import { STRANGER } from '../packing.ts';
import { BOUNDED_KINDS } from '../tallies.ts';

/** Lua: the counters of a shard, in KEYS[1], as `createTallies` has them. */
export const COUNTERS = `
local stored, values, made, total = {}, {}, 0, nil

local function get(field)
  local value = values[field]
  if not value then
    value = tonumber(redis.call('HGET', KEYS[1], field) or 0)
    stored[field], values[field] = value, value
  end
  return value
end

local function add(field, by)
  local before = get(field)
  values[field] = before + by
  if (before == 0 and by > 0) or before + by == 0 then
    made = made + by
    local channel, kind = string.match(field, '^(%S+) ([${BOUNDED_KINDS}]):')
    if channel then add(channel .. ' ${KINDS.fields}' .. kind, by) end
  end
end

local function raise(field, at) values[field] = math.max(at, get(field)) end

local function size()
  total = total or redis.call('HLEN', KEYS[1])
  return total + made
end

local function settle()
  for field, value in pairs(values) do
    if value ~= stored[field] then
      if value > 0 then
        redis.call('HINCRBY', KEYS[1], field, value - stored[field])
      else
        redis.call('HDEL', KEYS[1], field)
      end
    end
  end
end

-- Remembers a check-in that is not counted.
local function noteUncounted(channel, line, at)
  local kind = channel .. ' ${KINDS.uncounted}'
  local field = kind .. line
  if get(field) == 0 and size() >= ${MAX_COUNTERS} then field = kind .. '${UNREADABLE}' end
  raise(field, at)
end
`;

/**
 * Lua: how an agent is counted, as `countersOf` has it: whatever changes an agent takes it out before, puts it in after,
 * then settles.
 */
export const TALLIES = `
local agentsOfShard, strangersOfShard = '${AGENTS_OF_SHARD}', '${STRANGERS_OF_SHARD}'
local marksOfStates = {
  p = '${KINDS.mark}pinned', d = '${KINDS.mark}disabled', u = '${KINDS.mark}unreadable', f = '${KINDS.mark}failing',
}

-- Adds to fields what an agent is counted in on each of its channels.
local function addLabels(fields, channel, record, current, other, version, highest)
  local place, n = channel .. ' ', #fields
  local function label(kind, text)
    n = n + 1
    fields[n] = place .. kind .. text
  end
  label('${KINDS.known}', version)
  if highest ~= version then label('${KINDS.disputed}', version .. '>' .. highest) end
  if current.version == '${UNREADABLE}' and version ~= current.version and highest ~= current.version then
    label('${KINDS.disputed}', version .. '>${UNREADABLE}')
  end
  local group, updater = current.group, current.updater
  if group == '' and other then group = other.group end
  if updater == '' and other then updater = other.updater end
  if group ~= '' then label('${KINDS.group}', group) end
  if updater ~= '' then label('${KINDS.updater}', updater) end
  if record.past.contested then label('${KINDS.mark}', 'contested') end
  if record.past.reverted then label('${KINDS.mark}', 'reverted') end
  local listed = counts(record.inventory)
  local mark = listed and marksOfStates[string.sub(listed.state, 1, 1)]
  if mark then label('', mark) end
end

local function countersOf(record)
  local fields, checkIn, inventory = {}, record.checkIn, record.inventory
  local listed, seen = counts(inventory, checkIn)
  local current = currentSighting(record)
  if current then
    local other = current == listed and seen or listed
    local version = countedVersion(record, current)
    local highest = highestVersion(record, current, version)
    addLabels(fields, current.channel, record, current, other, version, highest)
    local channels = { [current.channel] = true }
    local function also(channel)
      if not channels[channel] then addLabels(fields, channel, record, current, other, version, highest) end
      channels[channel] = true
    end
    if other then also(other.channel) end
    if seen then
      for _, elsewhere in ipairs(record.past.elsewhere) do also(elsewhere.channel) end
    end
  elseif inventory then
    fields[1] = inventory.channel .. ' ${KINDS.mark}expired'
  end
  if seen then
    fields[#fields + 1] = seen.channel .. ' ${KINDS.reported}' .. seen.version
    fields[#fields + 1] = agentsOfShard
  elseif checkIn then
    fields[#fields + 1] = '${STRANGER}' .. checkIn.channel .. ' ${KINDS.strangers}'
    fields[#fields + 1] = strangersOfShard
  end
  return fields
end

-- Takes an agent out of the counters, or puts it in, by the fields that it is counted in.
local function take(fields)
  for i = 1, #fields do add(fields[i], -1) end
end

local function put(fields)
  for i = 1, #fields do add(fields[i], 1) end
end
`;

/** Lua: keeps the counters bounded, as `bounded` does. */
export const BOUNDS = `
local function isLine(version) return string.find(version, '^%d+%.x$') or string.find(version, '^%d+%.%d+%.x$') end

-- A release line, or two that are in dispute.
local function isOfLines(label)
  local low, high = string.match(label, '^([^>]*)>?(.*)$')
  return (isLine(low) or low == '${UNREADABLE}') and (high == '' or high == '${UNREADABLE}' or isLine(high))
end

local versioned = { ['${KINDS.known}'] = true, ['${KINDS.disputed}'] = true, ['${KINDS.reported}'] = true }
local function roomForVersion(kind, label)
  if not versioned[kind] or label == '${UNREADABLE}' then return 0 end
  return isOfLines(label) and ${MAX_COUNTERS} or ${MAX_VERSIONS}
end

local function roomForGroup(kind, label)
  return kind == '${KINDS.group}' and label ~= '${OTHER_GROUP}' and ${MAX_GROUPS} or 0
end

local function hasRoom(fields, roomFor)
  for _, field in ipairs(fields) do
    if get(field) == 0 then
      local channel, kind, label = string.match(field, '^(%S+) (%w+:)(.*)$')
      local most = channel and roomFor(kind, label) or 0
      if most > 0 then
        local known = get(channel .. ' ${KINDS.fields}' .. string.sub(kind, 1, 1))
        if size() >= ${MAX_COUNTERS} or known >= most then return false end
      end
    end
  end
  return true
end

local function withVersions(record, parts, change)
  local changed = { checkIn = record.checkIn, inventory = record.inventory, past = record.past }
  for _, part in ipairs(parts) do
    if changed[part] then
      changed[part] = copy(changed[part])
      changed[part].version = change(changed[part].version)
    end
  end
  local contested = record.past.contested
  if #parts > 1 and contested then
    changed.past = copy(record.past)
    changed.past.contested = copy(contested)
    changed.past.contested.version = change(contested.version)
    changed.past.contested.high = contested.high and change(contested.high)
  end
  return changed
end

local function inOther(record, parts)
  local changed = { checkIn = record.checkIn, inventory = record.inventory, past = record.past }
  for _, part in ipairs(parts) do
    if changed[part] and changed[part].group ~= '' then
      changed[part] = copy(changed[part])
      changed[part].group = '${OTHER_GROUP}'
    end
  end
  return changed
end

local both = { 'checkIn', 'inventory' }
local versionsAsKept = {
  function(record, part) return withVersions(record, { part }, lineOf) end,
  function(record) return withVersions(record, both, lineOf) end,
  function(record) return withVersions(record, both, function() return '${UNREADABLE}' end) end,
}
local groupsAsKept = {
  function(record, part) return inOther(record, { part }) end,
  function(record) return inOther(record, both) end,
}

-- The record as it is kept, and the fields that it is counted in.
local function bounded(record, part)
  local function coarser(kept, fields, steps, roomFor)
    local exact = kept
    for _, step in ipairs(steps) do
      if hasRoom(fields, roomFor) then break end
      kept = step(exact, part)
      fields = countersOf(kept)
    end
    return kept, fields
  end
  local kept, fields = coarser(record, countersOf(record), versionsAsKept, roomForVersion)
  return coarser(kept, fields, groupsAsKept, roomForGroup)
end
`;
