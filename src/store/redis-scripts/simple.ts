import { FLAG, STRANGER } from '../packing.ts';

/**
 * Lua: a short cut for agents that only check in, which most do: one that is seen for the first time, or that goes
 * forward on its channel, and of which nothing else is known. What it answers is what the rules would, as the contract's
 * random histories check; it leaves all else to them. Most check-ins of a call are alike, so what is derived from their
 * text is kept.
 */
export const SIMPLE = `
-- What all check-ins pass through is one match: channel and version, time, the rest.
local function split(packed)
  local head, at, tail = string.match(packed, '^(%S+ %S+) (%S+)(.*)$')
  return head, tonumber(at, 36), tail
end

local function isStranger(packed) return string.byte(packed) == ${STRANGER.charCodeAt(0)} end
local function endsInFlag(packed) return string.byte(packed, -1) == ${FLAG.charCodeAt(0)} end

local fieldsOfText, forward = {}, {}

-- The counters of an agent of which nothing is known but this check-in.
local function fieldsOfCheckIn(head, tail, packed)
  local text = head .. tail
  local fields = fieldsOfText[text]
  if not fields then
    fields = countersOf({ checkIn = unpackCheckIn(packed), past = { elsewhere = {} } })
    fieldsOfText[text] = fields
  end
  return fields
end

-- Is it the same channel, and a version that is not lower?
local function goesForward(head, headBefore)
  local text = head .. ' ' .. headBefore
  if forward[text] == nil then
    local channel, version = string.match(head, '^(%S+) (%S+)$')
    local channelBefore, versionBefore = string.match(headBefore, '^(%S+) (%S+)$')
    forward[text] = channel == channelBefore and compareVersions(version, versionBefore) >= 0
  end
  return forward[text]
end

local function fits(fields)
  for i = 1, #fields do
    if get(fields[i]) == 0 then return hasRoom(fields, roomForVersion) and hasRoom(fields, roomForGroup) end
  end
  return true
end

-- Takes an agent out of some counters, and puts it into others; what it stays in is left alone.
local function move(from, to)
  if #from ~= #to then
    take(from)
    return put(to)
  end
  for i = 1, #from do
    if from[i] ~= to[i] then
      add(from[i], -1)
      add(to[i], 1)
    end
  end
end

local none = {}

-- Answers whether it has recorded the check-in. What is stored, and its parts, are false and nil where there is nothing.
local function recordSimply(slot, id, packed, head, tail, before, headBefore, tailBefore, maxAgents)
  if isStranger(packed) then return false end
  local fieldsBefore = none
  if before then
    if isStranger(before) or endsInFlag(before) or not goesForward(head, headBefore) then return false end
    fieldsBefore = fieldsOfCheckIn(headBefore, tailBefore, before)
  elseif get(agentsOfShard) >= maxAgents then
    return false
  end
  -- Without it, and unflagged, the agent has no past.
  if redis.call('HGET', KEYS[slot + 1], id) then return false end
  local fields = fieldsOfCheckIn(head, tail, packed)
  if not fits(fields) then return false end
  move(fieldsBefore, fields)
  redis.call('HSET', KEYS[slot], id, packed)
  return true
end
`;
