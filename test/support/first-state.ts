import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ControlState } from '../../src/domain/store.ts';
import { asAdmin } from '../store/redis-harness.ts';

const FIXTURE = 'test/fixtures/state/unversioned';

type Dumped =
  | { type: 'string'; value: string }
  | { type: 'hash'; value: Record<string, string> }
  | { type: 'list' | 'zset'; value: string[] };

/** The state that the first release left, made by `make.mjs` next to it: its documents, and every place of them. */
export const FIRST_STATE: ControlState = JSON.parse(readFileSync(`${FIXTURE}.saved.json`, 'utf8'));

/** When the state was made; its agents were last seen then. */
export const FIRST_STATE_AT = new Date('2026-11-22T04:44:00Z');

/** The stages it was made with: its promotion waits for a control plane, so that nothing moves during a test. */
export const FIRST_STAGES = [{ name: 'canary', channels: ['cloud/canary'], controlPlanes: ['canary'], soak: '1h' }];

/** Writes the state into an empty Redis. */
export async function intoRedis(url: string): Promise<void> {
  const keys: Record<string, Dumped> = JSON.parse(readFileSync(`${FIXTURE}.redis.json`, 'utf8'));
  await asAdmin(url, async (redis) => {
    for (const [key, { type, value }] of Object.entries(keys)) {
      if (type === 'string') await redis.set(key, value);
      else if (type === 'hash') await redis.hset(key, value);
      else if (type === 'list') await redis.rpush(key, ...value);
      else for (let i = 0; i < value.length; i += 2) await redis.zadd(key, value[i + 1] ?? '', value[i] ?? '');
    }
  });
}

/** Writes the state into the embedded store of a data directory. */
export function intoFiles(dataDir: string): void {
  mkdirSync(join(dataDir, 'store'), { recursive: true });
  writeFileSync(join(dataDir, 'store/data.mdb'), gunzipSync(readFileSync(`${FIXTURE}.lmdb.gz`)));
}

/** Writes the state into a data directory as the one that a server saved in addition to Redis. */
export function intoSaved(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  copyFileSync(`${FIXTURE}.saved.json`, join(dataDir, 'state.json'));
}
