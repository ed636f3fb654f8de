import type { Script } from './script.ts';

/** Lua: has the lease ended, or another fence? Never true without a fence (''). */
export const FENCED = `
local function fenced(lease, fence)
  return fence ~= '' and string.match(redis.call('GET', lease) or '', '^%d+') ~= fence
end
`;

/** KEYS: lease, last fence. ARGV: holder, milliseconds. Answers the fence, or nil if another process has the lease. */
export const ACQUIRE_LEASE: Script = {
  name: 'fairwayAcquireLease',
  lua: `
local held = redis.call('GET', KEYS[1])
if not held then
  local fence = redis.call('INCR', KEYS[2])
  redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
  return fence
end
local fence, holder = string.match(held, '^(%d+) (.*)$')
if holder ~= ARGV[1] then return nil end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(fence)
`,
};

/** KEYS: lease. ARGV: holder. Deletes the lease if this holder has it. */
export const RELEASE_LEASE: Script = {
  name: 'fairwayReleaseLease',
  lua: `
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+ (.*)$') == ARGV[1] then redis.call('DEL', KEYS[1]) end
`,
};
