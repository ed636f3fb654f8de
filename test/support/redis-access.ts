import { parseRedisUrl } from '../../src/config/redis-url.ts';
import type { RedisAccess } from '../../src/domain/redis-address.ts';

/** The connection options for the Redis at `url`, as the settings would give them to the store. */
export function redisAt(url: string): RedisAccess {
  const parsed = parseRedisUrl(url);
  if (!parsed) throw new Error(`${url} is not a URL of Redis`);
  const { address, username, password } = parsed;
  return { address, login: { ...(username && { username }), ...(password && { password }) } };
}
