import { readFileSync } from 'node:fs';
import { type RedisAccess, takeApart } from './redis.ts';
import { SettingsError } from './settings.ts';

export interface RedisLogin {
  username?: string;
  password?: string;
  /** PEM. */
  tls?: { ca?: string; cert?: string; key?: string };
}

/** Where Redis is, without a secret, and how to sign in. Reads the files, once. Throws `SettingsError` for all that it cannot read. */
export function readRedisLogin({ redisUrl, redis }: RedisAccess): {
  redisUrl: string | null;
  login: RedisLogin;
} {
  if (redisUrl === null) return { redisUrl, login: {} };
  const faults: string[] = [];
  const read = (setting: string, name: string | null) => {
    try {
      return name === null ? undefined : readFileSync(name, 'utf8');
    } catch (error) {
      faults.push(`redis.${setting}: cannot read it: ${(error as Error).message}`);
      return undefined;
    }
  };
  const given = takeApart(redisUrl);
  const username = given.username ?? redis.username ?? undefined;
  // Editors end a file with a line feed.
  const kept = read('passwordFile', redis.passwordFile)?.replace(/\r?\n$/, '');
  if (kept === '') faults.push('redis.passwordFile: it is empty');
  const password = given.password ?? redis.password ?? kept;
  const tls = compact({
    ca: read('tls.caFile', redis.tls.caFile),
    cert: read('tls.certFile', redis.tls.certFile),
    key: read('tls.keyFile', redis.tls.keyFile),
  });
  if (faults.length > 0) throw new SettingsError(faults);
  const login = compact({ username, password, tls: Object.keys(tls).length > 0 ? tls : undefined });
  return { redisUrl: given.address, login };
}

/** Leaves out what is undefined. */
function compact<T extends object>(object: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
