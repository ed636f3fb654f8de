import { join } from 'node:path';
import type { RedisAccess } from '../domain/redis-address.ts';
import type { FleetLimits, Store } from '../domain/store.ts';
import type { StoreLog } from './redis-client.ts';
import type { ReplicationOptions } from './redis-replication.ts';

export interface StoreOptions {
  /** Null: the embedded store. */
  redis: RedisAccess | null;
  dataDir: string;
  /** Milliseconds in which Redis must answer. */
  deadline: number;
  replication?: ReplicationOptions | undefined;
  limits?: FleetLimits | undefined;
  log: StoreLog;
}

const UNREPLICATED: ReplicationOptions = { replicas: 0, timeout: 0 };
const UNLIMITED: FleetLimits = { agents: Number.MAX_SAFE_INTEGER, unenrolled: Number.MAX_SAFE_INTEGER };

/**
 * Opens the store that the settings ask for. It does not wait for Redis: a server that starts during an outage serves
 * the state that it saved. Rejects with `store_unavailable` if the data directory cannot be used.
 */
export async function openStore({
  redis,
  dataDir,
  deadline,
  replication = UNREPLICATED,
  limits = UNLIMITED,
  log,
}: StoreOptions): Promise<Store> {
  // Only the store in use is loaded: each takes a tenth of the time to the first answer.
  if (redis === null) {
    const { openEmbeddedStore } = await import('./embedded.ts');
    return openEmbeddedStore(join(dataDir, 'store'), limits);
  }
  const { openRedisStore } = await import('./redis.ts');
  return openRedisStore({ ...redis, deadline, replication, limits, log });
}
