import { FENCED } from './lease.ts';
import type { Script } from './script.ts';

/**
 * Keeps the counters of a shard right, as `readCounters` describes them: whoever changes an agent's sightings takes its
 * contribution out before and puts the new one in after, then settles.
 */
const PRELUDE = `
local function parse(packed)
  if not packed then return nil end
  local channel, version, at, updater, _, group =
    string.match(packed, '^(%S+) (%S+) (%S+) ?(%S*) ?(%S*) ?(%S*)')
  return channel, version, tonumber(at, 36), updater, group
end

local function isStranger(packed) return packed and string.sub(packed, 1, 1) == '!' end

local deltas = {}
local function add(field, by) deltas[field] = (deltas[field] or 0) + by end

local function count(checkIn, inventory, by)
  local channel, version, _, updater, group = parse(checkIn)
  if not channel then return end
  if isStranger(checkIn) then
    add(channel .. ' s: all', by)
    return add('# strangers all', by)
  end
  local beyond = parse(inventory) ~= channel
  local function addLabel(kind, label)
    if label == '' then return end
    local field = channel .. ' ' .. kind .. label
    add(field .. ' all', by)
    if beyond then add(field .. ' beyond', by) end
  end
  addLabel('v:', version)
  addLabel('u:', updater)
  addLabel('g:', group)
  add('# agents all', by)
end

local function settle(counts)
  for field, by in pairs(deltas) do
    if by ~= 0 and redis.call('HINCRBY', counts, field, by) <= 0 then redis.call('HDEL', counts, field) end
  end
end
`;

/**
 * Records sightings of one source unless newer ones are there, and answers how many it refused for the limits.
 * KEYS: counts, then check-ins and inventory of each bucket.
 * ARGV: source; agents and strangers that the shard may hold, counters that it may hold, and with new groups; the name
 * for a group too many; then a line for each sighting: index of its bucket's first key, agent id, packed sighting.
 */
export const RECORD: Script = {
  name: 'fairwayRecord',
  lua: `${PRELUDE}
local counts, fromInventory, refused = KEYS[1], ARGV[1] == 'inventory', 0
local maxAgents, maxStrangers = tonumber(ARGV[2]), tonumber(ARGV[3])
local maxCounters, maxWithGroups, other = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local latest, stored, counters = {}, {}, redis.call('HLEN', counts)

local function storedCount(field)
  if not stored[field] then stored[field] = tonumber(redis.call('HGET', counts, field) or 0) end
  return stored[field]
end

local function has(field)
  if storedCount(field) > 0 then return true end
  -- Made by this call: not counted by HLEN yet.
  if deltas[field] then return true end
  return false
end

-- What may be kept of a check-in, or nil.
local function admit(packed, before)
  local stranger = isStranger(packed)
  if not before or isStranger(before) ~= stranger then
    local field = stranger and '# strangers all' or '# agents all'
    if storedCount(field) + (deltas[field] or 0) >= (stranger and maxStrangers or maxAgents) then return nil end
  end
  if stranger then return packed end
  local channel, version, _, _, group = parse(packed)
  if not has(channel .. ' v:' .. version .. ' all') then
    if counters >= maxCounters then return nil end
    counters = counters + 2
  end
  if group ~= '' and not has(channel .. ' g:' .. group .. ' all') then
    if counters >= maxWithGroups then return string.gsub(packed, '%S+$', other), nil end
    counters = counters + 2
  end
  return packed
end

-- What all sightings pass through is one match: channel and version, time, the rest.
local function split(packed)
  local head, at, tail = string.match(packed, '^(%S+ %S+) (%S+)(.*)$')
  return head, tonumber(at, 36), tail
end

for slot, id, packed in string.gmatch(ARGV[7], '(%d+) (%S+) ([^\\n]+)') do
  slot = tonumber(slot)
  local key = KEYS[fromInventory and slot + 1 or slot]
  local before = redis.call('HGET', key, id)
  local head, at, tail = split(packed)
  local headBefore, seen, tailBefore
  local isNews = true
  if before then
    headBefore, seen, tailBefore = split(before)
    local wasStranger = isStranger(before)
    if wasStranger ~= isStranger(packed) then isNews = wasStranger else isNews = at >= seen end
  end
  if isNews then
    if fromInventory then
      local checkIn = redis.call('HGET', KEYS[slot], id)
      if parse(packed) ~= parse(before) then
        count(checkIn, before, -1)
        count(checkIn, packed, 1)
      end
      redis.call('HSET', key, id, packed)
    elseif head == headBefore and tail == tailBefore then
      redis.call('HSET', key, id, packed)
    else
      packed = admit(packed, before)
      if packed then
        local inventory = redis.call('HGET', KEYS[slot + 1], id)
        count(before, inventory, -1)
        count(packed, inventory, 1)
        redis.call('HSET', key, id, packed)
      else
        refused = refused + 1
      end
    end
  end
  if not fromInventory and packed and not isStranger(packed) and at > (latest[head] or 0) then latest[head] = at end
end
settle(counts)
for head, at in pairs(latest) do
  local field = string.match(head, '^%S+') .. ' at: all'
  if at > tonumber(redis.call('HGET', counts, field) or 0) then
    redis.call('HSET', counts, field, string.format('%.0f', at))
  end
end
return refused
`,
};

/**
 * Drops old sightings and answers how many.
 * KEYS as for RECORD. ARGV: time (ms) before which a sighting is old; the only channel whose inventory is meant, or ''.
 */
export const PRUNE: Script = {
  name: 'fairwayPrune',
  lua: `${PRELUDE}
local before, only, dropped = tonumber(ARGV[1]), ARGV[2], 0

local function drop(key, forget)
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local channel, _, at = parse(flat[i + 1])
    if at < before and (only == '' or channel == only) then
      forget(flat[i], flat[i + 1])
      redis.call('HDEL', key, flat[i])
      dropped = dropped + 1
    end
  end
end

for slot = 2, #KEYS, 2 do
  local checkIns, inventories = KEYS[slot], KEYS[slot + 1]
  drop(inventories, function(id, inventory)
    local checkIn = redis.call('HGET', checkIns, id)
    count(checkIn, inventory, -1)
    count(checkIn, false, 1)
  end)
  if only == '' then
    drop(checkIns, function(id, checkIn) count(checkIn, redis.call('HGET', inventories, id), -1) end)
  end
end
settle(KEYS[1])
-- Channels from which nobody has checked in for as long need no time either.
if only == '' then
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    if string.find(flat[i], ' at: all', 1, true) and tonumber(flat[i + 1]) < before then
      redis.call('HDEL', KEYS[1], flat[i])
    end
  end
end
return dropped
`,
};

/** Forgets one agent. KEYS: counts, check-ins and inventory of its bucket. ARGV: id. Answers 1 if it was known. */
export const FORGET: Script = {
  name: 'fairwayForget',
  lua: `${PRELUDE}
local id = ARGV[1]
count(redis.call('HGET', KEYS[2], id), redis.call('HGET', KEYS[3], id), -1)
local known = redis.call('HDEL', KEYS[2], id) + redis.call('HDEL', KEYS[3], id)
settle(KEYS[1])
return known > 0 and 1 or 0
`,
};

/** KEYS: counts of a shard. Answers fields and values in turn, a line each: one string is read far faster than a list. */
export const COUNTS: Script = {
  name: 'fairwayCounts',
  lua: `return table.concat(redis.call('HGETALL', KEYS[1]), '\\n')`,
};

/** KEYS: check-ins and inventory of a bucket. ARGV: agent id. Answers its packed sightings as of one moment. */
export const AGENT: Script = {
  name: 'fairwayAgent',
  lua: `return { redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1]) }`,
};

/** KEYS: check-ins and inventory of some buckets. Answers {index of the bucket, check-ins, inventory} of each that is not empty. */
export const BUCKETS: Script = {
  name: 'fairwayBuckets',
  lua: `
local filled = {}
for slot = 1, #KEYS, 2 do
  local checkIns, inventories = redis.call('HGETALL', KEYS[slot]), redis.call('HGETALL', KEYS[slot + 1])
  if #checkIns + #inventories > 0 then filled[#filled + 1] = { (slot - 1) / 2, checkIns, inventories } end
end
return filled
`,
};

/** Keeps figures unless newer ones are there. KEYS: surveys, lease. ARGV: field, time (ms), JSON, fence ('' for any). */
export const SAVE_SURVEY: Script = {
  name: 'fairwaySaveSurvey',
  lua: `${FENCED}
if fenced(KEYS[2], ARGV[4]) then return end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored and tonumber(string.match(stored, '^%S+')) > tonumber(ARGV[2]) then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
`,
};
