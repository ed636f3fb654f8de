import { join } from 'node:path';
import type { FleetLimits, Store } from '../domain/store.ts';
import { openEmbeddedStore } from './embedded.ts';
import { openRedisStore } from './redis.ts';
import type { StoreLog } from './redis-client.ts';

export interface StoreOptions {
  /** Null: the embedded store. */
  redisUrl: string | null;
  dataDir: string;
  /** Milliseconds within which Redis must answer. */
  deadline: number;
  limits?: FleetLimits | undefined;
  log: StoreLog;
}

const UNLIMITED: FleetLimits = { agents: Number.MAX_SAFE_INTEGER, unenrolled: Number.MAX_SAFE_INTEGER };

/**
 * The store that the settings ask for. Does not wait for Redis: a server that starts during an outage serves what it
 * saved. Throws `store_unavailable` when the data directory cannot be used.
 */
export async function openStore({
  redisUrl,
  dataDir,
  deadline,
  limits = UNLIMITED,
  log,
}: StoreOptions): Promise<Store> {
  return redisUrl === null
    ? openEmbeddedStore(join(dataDir, 'store'), limits)
    : openRedisStore({ url: redisUrl, deadline, limits, log });
}
