import type { Script } from './script.ts';

/** What the marker holds once all is carried over. */
export const DONE = 'done';

/**
 * KEYS: marker, head of control data. Answers how far the fleet is carried over. A Redis in which nothing was ever
 * committed has no old fleet.
 */
export const PROGRESS: Script = {
  name: 'fairwayCarryProgress',
  lua: `
local progress = redis.call('GET', KEYS[1])
if progress then return progress end
if redis.call('GET', KEYS[2]) then return '0' end
redis.call('SET', KEYS[1], '${DONE}')
return '${DONE}'
`,
};

/** KEYS: marker. ARGV: how far. Never goes back. */
export const ADVANCE: Script = {
  name: 'fairwayCarryAdvance',
  lua: `
local before = redis.call('GET', KEYS[1])
if before == '${DONE}' or tonumber(ARGV[1]) and tonumber(ARGV[1]) <= tonumber(before or 0) then return end
redis.call('SET', KEYS[1], ARGV[1])
`,
};

/**
 * Reads old hashes, and gives each so long to live. KEYS: the hashes. ARGV: milliseconds. Answers for each what it
 * holds.
 */
export const READ_OLD: Script = {
  name: 'fairwayCarryRead',
  lua: `
local all = {}
for nth, key in ipairs(KEYS) do
  all[nth] = redis.call('HGETALL', key)
  if #all[nth] > 0 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return all
`,
};

/** KEYS: surveys. ARGV: field and value of each old one, which is kept where there is no newer. */
export const KEEP_SURVEYS: Script = {
  name: 'fairwayCarrySurveys',
  lua: `
for i = 1, #ARGV, 2 do
  if not redis.call('HGET', KEYS[1], ARGV[i]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
`,
};
