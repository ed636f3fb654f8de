import { FENCED } from './lease.ts';
import type { Script } from './script.ts';

/**
 * Keeps a survey in place of the one with the revision that the writer saw. A survey is stored as `revision JSON`.
 * KEYS: surveys, lease. ARGV: field, revision that the stored one must have (0: none may be there), the next one, JSON,
 * fence ('' for any). Answers 1 if it did.
 */
export const SAVE_SURVEY: Script = {
  name: 'fairwaySaveSurveyRevision',
  lua: `${FENCED}
if fenced(KEYS[2], ARGV[5]) then return 0 end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if (stored and string.match(stored, '^%d+') or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[4])
return 1
`,
};

/** KEYS: surveys. ARGV: field. Answers 1 if there was one. */
export const DROP_SURVEY: Script = {
  name: 'fairwayDropSurvey',
  lua: `return redis.call('HDEL', KEYS[1], ARGV[1])`,
};

/** KEYS: hearing, lease. ARGV: JSON, fence. */
export const SAVE_HEARING: Script = {
  name: 'fairwaySaveHearing',
  lua: `${FENCED}
if fenced(KEYS[2], ARGV[2]) then return end
redis.call('SET', KEYS[1], ARGV[1])
`,
};

/** KEYS: any, which leads to a server. Answers seconds and microseconds. */
export const TIME: Script = {
  name: 'fairwayTime',
  lua: `return redis.call('TIME')`,
};
