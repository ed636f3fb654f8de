import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { PeerError, type Peers } from '../../src/domain/peers.ts';
import type { FleetLimits, Store } from '../../src/domain/store.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { createSources, type Sources } from '../../src/service/sources.ts';
import { openState } from '../../src/service/state.ts';
import { createServices, type Services } from '../../src/services.ts';
import { openStore } from '../../src/store/open.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import { redisAt } from './redis-access.ts';
import { startRedis } from './redis-server.ts';

/** Milliseconds. */
export const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
/** Milliseconds that a call may take: a slow disk is not a fault. */
const PATIENT = 10_000;

const log = pino({ level: 'silent' });
const settingsFile = 'config/default.yaml';

/** A clock that the test moves. */
export interface Clock {
  /** Epoch milliseconds. */
  at: number;
}

/** All services over a store, without listeners and background work. */
export interface Workplace {
  readonly store: Store;
  readonly services: Services;
  readonly fence: number;
  /** The address of Redis; null for the embedded store. */
  readonly url: string | null;
  /** Bytes that the store takes: of data in Redis, or of the file of the embedded store, which never shrinks. */
  size(): Promise<number>;
  /** What a server that starts now knows: the same store, and nothing else. */
  restart(): Promise<void>;
  /** An empty store. */
  reset(): Promise<void>;
  /** Sources whose addresses are answered by `pages`; an address without a page cannot be reached. */
  sources(metrics: Record<string, string[]>, pages: ReadonlyMap<string, string>): Sources;
  close(): Promise<void>;
}

/** The shipped settings with what a test changes of them. */
export function settingsWith(change: (settings: Settings) => Partial<Settings> = () => ({})): Settings {
  const settings = loadSettings(settingsFile, {});
  return { ...settings, ...change(settings) };
}

interface Place {
  url: string | null;
  open(limits: FleetLimits | undefined): Promise<Store>;
  size(): Promise<number>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

async function embeddedPlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'fairway-services-'));
  let dir = 0;
  return {
    url: null,
    open: (limits) => openStore({ redis: null, dataDir: join(root, String(dir)), deadline: PATIENT, limits, log }),
    size: async () => (await stat(join(root, String(dir), 'store', 'data.mdb'))).size,
    clear: async () => void dir++,
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function redisPlace(): Promise<Place> {
  const redis = await startRedis({ args: ['--appendonly', 'no'] });
  const admin = new Redis(redis.url);
  return {
    url: redis.url,
    async open(limits) {
      const store = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: PATIENT, limits, log });
      while (!(await isUp(store))) await sleep(5);
      return store;
    },
    size: async () => Number(/used_memory_dataset:(\d+)/.exec(await admin.info('memory'))?.[1]),
    clear: async () => void (await admin.flushall()),
    async close() {
      admin.disconnect();
      await redis.stop();
    },
  };
}

const isUp = (store: Store) =>
  store.revision().then(
    () => true,
    () => false,
  );

/** Opens all services over one of the stores. */
export async function openWorkplace(
  kind: Store['kind'],
  clock: Clock,
  settings: Settings = settingsWith(),
  limits?: FleetLimits,
): Promise<Workplace> {
  const place = await (kind === 'redis' ? redisPlace() : embeddedPlace());
  const now = () => new Date(clock.at);
  const { observer } = createMetrics();
  let store = await place.open(limits);
  let fence = await lead(store);
  let services = await serve();

  async function serve(): Promise<Services> {
    const state = await openState({ store, saved: unsaved, compareEvery: DAY, now, log });
    return createServices({ store, state, settings, observer, tracer: untraced, now, log });
  }

  return {
    get store() {
      return store;
    },
    get services() {
      return services;
    },
    get fence() {
      return fence;
    },
    url: place.url,
    size: place.size,
    async restart() {
      await services.state.close();
      services = await serve();
    },
    async reset() {
      await services.state.close();
      await store.close();
      await place.clear();
      store = await place.open(limits);
      fence = await lead(store);
      services = await serve();
    },
    sources(metrics, pages) {
      const { state, controlPlanes: planes } = services;
      const peers: Peers = {
        async read(url) {
          const body = pages.get(url);
          if (body === undefined) throw new PeerError('unreachable', 'it cannot be reached');
          return { body, header: () => null };
        },
      };
      const settle = settings.evidence;
      return createSources({ metrics, controlPlanes: {}, peers, store, state, planes, settle, observer, now, log });
    },
    async close() {
      await services.state.close();
      await store.close();
      await place.close();
    },
  };
}

async function lead(store: Store): Promise<number> {
  const fence = await store.acquireLease('test', DAY);
  if (fence === null) throw new Error('another test leads');
  return fence;
}
