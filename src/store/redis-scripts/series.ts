import { FENCED } from './lease.ts';
import type { Script } from './script.ts';

/**
 * Appends a point to every series in which one is due.
 * KEYS: lease, then a list for each series. ARGV: fence, time (ms), the point, milliseconds after which an abandoned
 * series may go, then for each series: milliseconds between points, points to keep.
 */
export const SAVE_POINT: Script = {
  name: 'fairwaySavePoint',
  lua: `${FENCED}
if fenced(KEYS[1], ARGV[1]) then return end
local at = tonumber(ARGV[2])
for i = 2, #KEYS do
  local every, keep = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local last = tonumber(string.match(redis.call('LINDEX', KEYS[i], -1) or '', '^%[(%d+)'))
  if not last or math.floor(at / every) > math.floor(last / every) then
    redis.call('RPUSH', KEYS[i], ARGV[3])
    redis.call('LTRIM', KEYS[i], -keep, -1)
    redis.call('PEXPIRE', KEYS[i], ARGV[4])
  end
end
`,
};

/** KEYS: a series. Answers its points, oldest first. */
export const SERIES: Script = {
  name: 'fairwaySeries',
  lua: `return redis.call('LRANGE', KEYS[1], 0, -1)`,
};
