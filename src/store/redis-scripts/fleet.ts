import { FENCED } from './lease.ts';
import type { Script } from './script.ts';

/**
 * Keeps the counters of a shard right: whoever changes an agent's sightings takes its contribution out before and
 * puts the new one in after, then settles. A field is `channel version all` or `channel version beyond`, the latter
 * for check-ins of agents that no inventory sighting of the same channel names.
 */
const PRELUDE = `
local function parse(packed)
  if not packed then return nil end
  local channel, version, at = string.match(packed, '^(%S+) (%S+) (%S+)')
  return channel, version, tonumber(at, 36)
end

local deltas = {}
local function add(field, by) deltas[field] = (deltas[field] or 0) + by end

local function count(checkIn, inventory, by)
  local channel, version = parse(checkIn)
  if not channel then return end
  add(channel .. ' ' .. version .. ' all', by)
  if parse(inventory) ~= channel then add(channel .. ' ' .. version .. ' beyond', by) end
end

local function settle(counts)
  for field, by in pairs(deltas) do
    if by ~= 0 and redis.call('HINCRBY', counts, field, by) <= 0 then redis.call('HDEL', counts, field) end
  end
end
`;

/**
 * Records sightings of one source unless newer ones are there.
 * KEYS: counts, then check-ins and inventory of each bucket.
 * ARGV: source; then for each sighting: index of its bucket's first key, agent id, packed sighting.
 */
export const RECORD: Script = {
  name: 'fairwayRecord',
  lua: `${PRELUDE}
local fromInventory = ARGV[1] == 'inventory'
for i = 2, #ARGV, 3 do
  local slot, id, packed = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local checkIn = redis.call('HGET', KEYS[slot], id)
  local inventory = redis.call('HGET', KEYS[slot + 1], id)
  local _, _, at = parse(packed)
  local _, _, seen = parse(fromInventory and inventory or not fromInventory and checkIn)
  if not seen or at >= seen then
    count(checkIn, inventory, -1)
    if fromInventory then inventory = packed else checkIn = packed end
    count(checkIn, inventory, 1)
    redis.call('HSET', KEYS[fromInventory and slot + 1 or slot], id, packed)
  end
end
settle(KEYS[1])
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
