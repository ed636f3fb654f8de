import { z } from 'zod';
import { parseRedisUrl } from './redis-url.ts';

const file = z.string().min(1).nullable();

/** How to sign in to Redis, and which certificates to trust; `redisUrl` says where it is. */
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
export interface RedisSettings {
  redisUrl: string | null;
  redis: z.output<typeof redisSettings>;
}

/** What `redisUrl` and `redis` say twice, or in vain. */
export function redisFaults({ redisUrl, redis }: RedisSettings): string[] {
  const url = redisUrl === null ? null : parseRedisUrl(redisUrl);
  if (!url) return [];
  const faults: string[] = [];
  const hasPassword = redis.password !== undefined || redis.passwordFile !== null;
  if (url.username && redis.username !== null) faults.push('redis.username: redisUrl names a user already');
  if (url.password && hasPassword) faults.push('redis.password: redisUrl holds one already');
  if (Object.values(redis.tls).some((name) => name !== null) && !url.tls) {
    faults.push('redis.tls: redisUrl asks for no TLS; begin it with rediss');
  }
  return faults;
}
