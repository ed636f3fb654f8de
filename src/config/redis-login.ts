import { readFileSync } from 'node:fs';
import type { RedisAccess } from '../domain/redis-address.ts';
import type { RedisSettings } from './redis.ts';
import { parseRedisUrl } from './redis-url.ts';
import { SettingsError } from './settings.ts';

/**
 * Returns the address of Redis and the login, or null for the embedded store. Reads the files once. Throws
 * `SettingsError` with every file that it cannot read.
 */
export function readRedisAccess({ redisUrl, redis }: RedisSettings): RedisAccess | null {
  const url = redisUrl === null ? null : parseRedisUrl(redisUrl);
  if (!url) return null;
  const faults: string[] = [];
  const read = (setting: string, name: string | null) => {
    try {
      return name === null ? undefined : readFileSync(name, 'utf8');
    } catch (error) {
      faults.push(`redis.${setting}: cannot read the file: ${(error as Error).message}`);
      return undefined;
    }
  };
  const username = url.username ?? redis.username ?? undefined;
  // Editors end a file with a line feed.
  const kept = read('passwordFile', redis.passwordFile)?.replace(/\r?\n$/, '');
  if (kept === '') faults.push('redis.passwordFile: the file is empty');
  const password = url.password ?? redis.password ?? kept;
  const tls = compact({
    ca: read('tls.caFile', redis.tls.caFile),
    cert: read('tls.certFile', redis.tls.certFile),
    key: read('tls.keyFile', redis.tls.keyFile),
  });
  if (faults.length > 0) throw new SettingsError(faults);
  const login = compact({ username, password, tls: Object.keys(tls).length > 0 ? tls : undefined });
  return { address: url.address, login };
}

/** Leaves out undefined fields. */
function compact<T extends object>(object: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
