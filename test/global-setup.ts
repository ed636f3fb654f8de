import { ensureChromium } from './chromium.ts';
import { ensureRedisServer } from './redis-server.ts';

// Once, before the workers: two of them must not install things at the same time.
export default async function setup(): Promise<void> {
  await ensureRedisServer();
  await ensureChromium();
}
