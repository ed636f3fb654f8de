import { KINDS } from '../counters.ts';
import { RECORDS, RULES } from './record.ts';
import type { Script } from './script.ts';
import { SIMPLE } from './simple.ts';
import { BOUNDS, COUNTERS, TALLIES } from './tallies.ts';
import { VERSIONS } from './versions.ts';

const AGENTS = `${VERSIONS}${RECORDS}${RULES}${COUNTERS}${TALLIES}`;

/** Lua: keeps which buckets have agents that inventories of a scope list; see `listedInKey`. */
const LISTED = `
local listedIn = string.match(KEYS[1], '^(.*:)tallies$') .. 'listed-in:'
local function noteListed(slot, scope, is)
  local bucket = string.match(KEYS[slot], '%d+$')
  if is then
    redis.call('HSET', listedIn .. scope, bucket, '')
  else
    redis.call('HDEL', listedIn .. scope, bucket)
  end
end
`;

/**
 * Records sightings of one source as `recordSighting` says, and answers how many it refused for the limits.
 * KEYS: tallies, then check-ins, inventory and past of each bucket.
 * ARGV: source; agents and strangers that the shard may hold; the time, and for how long an agent is contested (ms);
 * channels on which an agent may be remembered beside its present one; the channels' targets, a line each, between line
 * feeds; then a line for each sighting: index of its bucket's first key, agent id, packed sighting.
 */
export const RECORD: Script = {
  name: 'fairwayRecordSightings',
  lua: `${AGENTS}${BOUNDS}${LISTED}${SIMPLE}
local part, refused, latest = ARGV[1], 0, {}
local maxAgents, maxStrangers, now, targets = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[7]
local rules = { now = now, contestedFor = tonumber(ARGV[5]), maxElsewhere = tonumber(ARGV[6]) }

function rules.targetOf(channel)
  local _, stop = string.find(targets, '\\n' .. channel .. ' ', 1, true)
  return stop and string.match(targets, '^[^\\n]+', stop + 1)
end

local function note(head, packed, at)
  if not isStranger(packed) and at > (latest[head] or 0) then latest[head] = at end
end

-- Asked once the agent is taken out of the counters.
local function isWithinLimits(before, after)
  local is, was = after.checkIn, before.checkIn
  if was and was.enrolled == is.enrolled then return true end
  if is.enrolled then return get(agentsOfShard) < maxAgents end
  return get(strangersOfShard) < maxStrangers
end

local function refuse(sighting)
  refused = refused + 1
  if not sighting.enrolled then return end
  noteUncounted(sighting.channel, lineOf(sighting.version), sighting.at)
end

local function recordAgent(slot, id, packed, packedBefore)
  local sighting = part == 'checkIn' and unpackCheckIn(packed) or unpackInventory(packed)
  local before = load(slot, id, packedBefore)
  local after, isNew = recordSighting(before, part, sighting, rules)
  if not after then return refuse(sighting) end
  if after == before then return end
  local fields = countersOf(before)
  take(fields)
  if part == 'checkIn' and not isWithinLimits(before, after) then
    put(fields)
    return refuse(sighting)
  end
  after, fields = bounded(after, part)
  put(fields)
  save(slot, id, before, after)
  if part == 'inventory' then noteListed(slot, after.inventory.scope, true) end
  if part == 'checkIn' then note(sighting.channel .. ' ', packed, sighting.at) end
end

local function recordCheckIn(slot, id, packed)
  local before = redis.call('HGET', KEYS[slot], id)
  local head, at, tail = split(packed)
  local headBefore, seen, tailBefore
  if before then
    headBefore, seen, tailBefore = split(before)
    local isSame = head == headBefore and tail == tailBefore
    if isSame and at < math.min(seen, now) then return end
    if isSame then
      redis.call('HSET', KEYS[slot], id, packed)
      return note(head, packed, at)
    end
  end
  -- An older one, and whatever is not plain, is left to the rules.
  local isOld = before and at < math.min(seen, now)
  if isOld or not recordSimply(slot, id, packed, head, tail, before, headBefore, tailBefore, maxAgents) then
    return recordAgent(slot, id, packed, before)
  end
  note(head, packed, at)
end

local record = part == 'checkIn' and recordCheckIn or recordAgent
for slot, id, packed in string.gmatch(ARGV[8], '(%d+) (%S+) ([^\\n]+)') do record(tonumber(slot), id, packed) end
for head, at in pairs(latest) do raise(string.match(head, '^~?(%S+)') .. ' ${KINDS.latest}', at) end
settle()
return refused
`,
};

/** KEYS: tallies. ARGV: channel, release line and time of each check-in that was not counted, a line each. */
export const NOTE_UNCOUNTED: Script = {
  name: 'fairwayNoteUncounted',
  lua: `${COUNTERS}
for channel, line, at in string.gmatch(ARGV[1], '(%S+) (%S+) (%d+)') do noteUncounted(channel, line, tonumber(at)) end
settle()
`,
};

/** KEYS: tallies. ARGV: channel, release line. */
export const FORGET_UNCOUNTED: Script = {
  name: 'fairwayForgetUncounted',
  lua: `redis.call('HDEL', KEYS[1], ARGV[1] .. ' ${KINDS.uncounted}' .. ARGV[2])`,
};

/**
 * Drops old sightings, as `pruned` does, and answers how many.
 * KEYS as for RECORD. ARGV: channel and time of each bound on check-ins, a line each; the time before which strangers
 * go ('' for none); then of what is unlisted: scope ('' for none), time, only channel ('' for any), and the
 * channels left out, each between line feeds; the moment until which it was seen ('' for any); 1 if the buckets are
 * those of `listedInKey`, so that one which has none any more is taken out.
 */
export const PRUNE: Script = {
  name: 'fairwayPruneSightings',
  lua: `${AGENTS}${LISTED}
local bounds, unenrolledBefore = {}, tonumber(ARGV[2])
for channel, before in string.gmatch(ARGV[1], '(%S+) (%S+)') do bounds[channel] = tonumber(before) end
local scope, unlistedBefore, only, except = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local seenUntil = tonumber(ARGV[7])

local function isOld(channel, at) return bounds[channel] ~= nil and at < bounds[channel] end

local function isUnlisted(inventory)
  return inventory.scope == scope and time(inventory.listedText) < unlistedBefore
    and (not seenUntil or inventory.at <= seenUntil) and (only == '' or only == inventory.channel)
    and not string.find(except, '\\n' .. inventory.channel .. '\\n', 1, true)
end

-- The newest of the other channels that stay.
local function newest(elsewhere)
  local found
  for nth, other in ipairs(elsewhere) do
    if not found or other.at > elsewhere[found].at then found = nth end
  end
  return found
end

-- What stays of the record, and how many sightings do not.
local function pruned(record)
  local checkIn, inventory, past, dropped = record.checkIn, record.inventory, record.past, 0
  local elsewhere = {}
  for _, other in ipairs(past.elsewhere) do
    if isOld(other.channel, other.at) then dropped = dropped + 1 else table.insert(elsewhere, other) end
  end
  if checkIn and not checkIn.enrolled then
    if unenrolledBefore and checkIn.at < unenrolledBefore then
      checkIn, dropped = nil, dropped + 1
    end
  elseif checkIn and isOld(checkIn.channel, checkIn.at) then
    local nth = newest(elsewhere)
    local other = nth and table.remove(elsewhere, nth)
    local moved = other and copy(checkIn)
    if moved then moved.channel, moved.at, moved.atText = other.channel, other.at, other.atText end
    checkIn, dropped = moved, dropped + 1
  end
  if inventory and scope ~= '' and isUnlisted(inventory) then
    inventory, dropped = nil, dropped + 1
  end
  local stays = checkIn or inventory
  past = { reverted = stays and past.reverted, contested = stays and past.contested, elsewhere = elsewhere }
  return { checkIn = checkIn, inventory = inventory, past = past }, dropped
end

local function mapOf(key)
  local map, flat = {}, redis.call('HGETALL', key)
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local all = 0
for slot = 2, #KEYS, 3 do
  local checkIns, inventories, pasts = mapOf(KEYS[slot]), mapOf(KEYS[slot + 1]), mapOf(KEYS[slot + 2])
  local scopes = {}
  local function prune(id)
    local before = unpackRecord(checkIns[id], inventories[id], pasts[id])
    local after, dropped = pruned(before)
    if after.inventory then scopes[after.inventory.scope] = true end
    if dropped == 0 then return end
    take(countersOf(before))
    put(countersOf(after))
    save(slot, id, before, after)
    all = all + dropped
  end
  for id in pairs(checkIns) do prune(id) end
  for id in pairs(inventories) do
    if not checkIns[id] then prune(id) end
  end
  for each in pairs(scopes) do noteListed(slot, each, true) end
  if ARGV[8] == '1' and not scopes[scope] then noteListed(slot, scope, false) end
end
settle()
return all
`,
};

/** KEYS: the buckets of a shard that list a scope. Answers their numbers within the shard. */
export const LISTED_BUCKETS: Script = {
  name: 'fairwayListedBuckets',
  lua: `
local flat, buckets = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #flat, 2 do buckets[#buckets + 1] = tonumber(flat[i]) end
return buckets
`,
};

/** KEYS: the mark that all buckets were looked through. */
export const ALL_LISTED: Script = {
  name: 'fairwayAllListed',
  lua: `redis.call('SET', KEYS[1], '1')`,
};

/** Drops old times. KEYS: tallies. ARGV: the first of PRUNE. */
export const PRUNE_TIMES: Script = {
  name: 'fairwayPruneTimes',
  lua: `
local bounds = {}
for channel, before in string.gmatch(ARGV[1], '(%S+) (%S+)') do bounds[channel] = tonumber(before) end
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local channel, kind = string.match(flat[i], '^(%S+) (%w+:)')
  local isTime = kind == '${KINDS.latest}' or kind == '${KINDS.uncounted}'
  local before = isTime and bounds[channel]
  if before and tonumber(flat[i + 1]) < before then redis.call('HDEL', KEYS[1], flat[i]) end
end
`,
};

/**
 * Forgets one agent. KEYS: tallies, check-ins, inventory and past of its bucket. ARGV: id. Answers 1 if it was known.
 */
export const FORGET: Script = {
  name: 'fairwayForgetAgent',
  lua: `${AGENTS}
local before = load(2, ARGV[1])
take(countersOf(before))
save(2, ARGV[1], before, { past = { elsewhere = {} } })
settle()
return (before.checkIn or before.inventory) and 1 or 0
`,
};

/**
 * KEYS: tallies of a shard. Answers fields and values in turn, a line each: one string is read far faster than a list.
 */
export const COUNTS: Script = {
  name: 'fairwayCounts',
  lua: `return table.concat(redis.call('HGETALL', KEYS[1]), '\\n')`,
};

/** KEYS: check-ins, inventory and past of a bucket. ARGV: agent id. Answers its packed record as of one moment. */
export const AGENT: Script = {
  name: 'fairwayAgentRecord',
  lua: `
local function part(key) return redis.call('HGET', key, ARGV[1]) end
return { part(KEYS[1]), part(KEYS[2]), part(KEYS[3]) }
`,
};

/**
 * KEYS: check-ins, inventory and past of some buckets. Answers {index of the bucket, and what the three hold} of each
 * that is not empty.
 */
export const BUCKETS: Script = {
  name: 'fairwayRecordBuckets',
  lua: `
local filled = {}
for slot = 1, #KEYS, 3 do
  local checkIns, inventories = redis.call('HGETALL', KEYS[slot]), redis.call('HGETALL', KEYS[slot + 1])
  if #checkIns + #inventories > 0 then
    filled[#filled + 1] = { (slot - 1) / 3, checkIns, inventories, redis.call('HGETALL', KEYS[slot + 2]) }
  end
end
return filled
`,
};
