import { UNREADABLE } from '../../domain/agent-version.ts';

/**
 * Lua: `compareVersions` as `compareAgentVersions`, `lineOf` as `lineOfAgent`. Text is compared by its bytes: `<` would
 * follow the locale of Redis.
 */
export const VERSIONS = `
local function parseVersion(text)
  local major, minor = string.match(text, '^(%d+)%.?(%d*)%.x$')
  if major then return { tonumber(major), tonumber(minor) or 0, 0, '' } end
  local patch, rest
  major, minor, patch, rest = string.match(text, '^(%d+)%.(%d+)%.(%d+)([^+]*)')
  if not major then return nil end
  return { tonumber(major), tonumber(minor), tonumber(patch), string.sub(rest, 2) }
end

local function compareBytes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y and -1 or 1 end
  end
  return #a == #b and 0 or (#a < #b and -1 or 1)
end

local function compareIdentifiers(a, b)
  local isNumberA, isNumberB = string.find(a, '^%d+$') ~= nil, string.find(b, '^%d+$') ~= nil
  if isNumberA ~= isNumberB then return isNumberA and -1 or 1 end
  if not isNumberA then return compareBytes(a, b) end
  local x, y = tonumber(a), tonumber(b)
  return x == y and 0 or (x < y and -1 or 1)
end

local function comparePrereleases(a, b)
  if a == b then return 0 end
  if a == '' then return 1 end
  if b == '' then return -1 end
  local nextA, nextB = string.gmatch(a, '[^.]+'), string.gmatch(b, '[^.]+')
  while true do
    local x, y = nextA(), nextB()
    if not x and not y then return 0 end
    if not y then return 1 end
    if not x then return -1 end
    if x ~= y then return compareIdentifiers(x, y) end
  end
end

local function compareVersions(a, b)
  if a == b then return 0 end
  local x, y = parseVersion(a), parseVersion(b)
  if not x or not y then return (x and 1 or 0) - (y and 1 or 0) end
  for i = 1, 3 do
    if x[i] ~= y[i] then return x[i] < y[i] and -1 or 1 end
  end
  return comparePrereleases(x[4], y[4])
end

local function lowerVersion(a, b)
  if compareVersions(b, a) < 0 then return b end
  return a
end

local function higherVersion(a, b)
  if compareVersions(b, a) > 0 then return b end
  return a
end

local function lineOf(text)
  local version = parseVersion(text)
  if not version then return '${UNREADABLE}' end
  local major, minor = version[1], version[2]
  if major > 99 or (major < 6 and minor > 99) then return '${UNREADABLE}' end
  if major < 6 then return string.format('%d.%d.x', major, minor) end
  return string.format('%d.x', major)
end
`;
