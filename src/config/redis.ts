import { z } from 'zod';

const file = z.string().min(1).nullable();

/** How to sign in to Redis, and whom to trust; the address is `redisUrl`. */
export const redisSettings = z
  .strictObject({
    username: z.string().min(1).nullable(),
    password: z.string().min(1).optional().describe('`FAIRWAY_REDIS_PASSWORD` sets it; better than a file of settings'),
    passwordFile: file,
    tls: z.strictObject({ caFile: file, certFile: file, keyFile: file }),
  })
  .superRefine(({ password, passwordFile, tls }, context) => {
    if (password !== undefined && passwordFile !== null) context.addIssue('password and passwordFile: set one of them');
    if ((tls.certFile === null) !== (tls.keyFile === null)) context.addIssue('tls: certFile and keyFile go together');
  });

/** The two settings that say where Redis is and how to sign in. */
export interface RedisAccess {
  redisUrl: string | null;
  redis: z.output<typeof redisSettings>;
}

/** What stands between `//` and the last `@` before the path is the user. */
const ADDRESS = /^([a-z+]+:\/\/)(?:([^/?#]*)@)?(.*)$/s;

/** What `redisUrl` and `redis` say twice, or in vain. */
export function redisFaults({ redisUrl, redis }: RedisAccess): string[] {
  if (redisUrl === null) return [];
  const faults: string[] = [];
  const { username, password } = takeApart(redisUrl);
  const hasPassword = redis.password !== undefined || redis.passwordFile !== null;
  if (username && redis.username !== null) faults.push('redis.username: redisUrl names a user already');
  if (password && hasPassword) faults.push('redis.password: redisUrl holds one already');
  if (Object.values(redis.tls).some((name) => name !== null) && !redisUrl.startsWith('rediss')) {
    faults.push('redis.tls: redisUrl asks for no TLS; begin it with rediss');
  }
  return faults;
}

/** The address without its user, and who that is. */
export function takeApart(url: string): {
  address: string;
  username: string | undefined;
  password: string | undefined;
} {
  const [, scheme = '', user = '', rest = ''] = ADDRESS.exec(url) ?? [];
  const [username = '', ...password] = user.split(':');
  return {
    address: scheme + rest,
    username: decode(username) || undefined,
    password: decode(password.join(':')) || undefined,
  };
}

/** A password may hold a percent sign that begins nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
