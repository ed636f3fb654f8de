import { ensureRedisServer } from './redis-server.ts';

// Once, before the workers: two of them must not install it at the same time.
export default async function setup(): Promise<void> {
  await ensureRedisServer();
}
