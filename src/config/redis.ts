import { z } from 'zod';
import { parseRedisUrl } from './redis-url.ts';

const file = z.string().min(1).nullable();

/** How to sign in to Redis, and which certificates to trust; `redisUrl` says where it is. */
export const redisSettings = z
  .strictObject({
    username: z.string().min(1).nullable(),
    password: z.string().min(1).optional().describe('better set as `FAIRWAY_REDIS_PASSWORD` than in a file'),
    passwordFile: file,
    tls: z.strictObject({ caFile: file, certFile: file, keyFile: file }),
  })
  .superRefine(({ password, passwordFile, tls }, context) => {
    if (password !== undefined && passwordFile !== null) context.addIssue('password and passwordFile: set only one');
    if ((tls.certFile === null) !== (tls.keyFile === null)) context.addIssue('tls: set certFile and keyFile together');
  });

/** The two settings that say where Redis is and how to sign in. */
export interface RedisSettings {
  redisUrl: string | null;
  redis: z.output<typeof redisSettings>;
}

/** Faults between `redisUrl` and `redis`: one value set in both, or TLS files without TLS. */
export function redisFaults({ redisUrl, redis }: RedisSettings): string[] {
  const url = redisUrl === null ? null : parseRedisUrl(redisUrl);
  if (!url) return [];
  const faults: string[] = [];
  const hasPassword = redis.password !== undefined || redis.passwordFile !== null;
  if (url.username && redis.username !== null) faults.push('redis.username: redisUrl already has a user; remove one');
  if (url.password && hasPassword) faults.push('redis.password: redisUrl already has a password; remove one');
  if (Object.values(redis.tls).some((name) => name !== null) && !url.tls) {
    faults.push('redis.tls: redisUrl does not use TLS; begin it with rediss');
  }
  return faults;
}
