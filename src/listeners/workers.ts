import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { Sighting, SightingSource } from '../domain/agent.ts';
import { type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { ControlState } from '../domain/store.ts';
import type { KeyPair } from './certificate.ts';
import { addCounts, type PollCounts } from './poll-counts.ts';
import { openPublicSide, type PublicSide, type PublicSideOptions } from './public.ts';

/** What the first process tells a worker. */
type Order = { pair: KeyPair } | { state: ControlState | null } | Recorded | { stop: true };
/** What became of a batch of check-ins: how many the store refused, or why it failed. */
type Recorded = { recorded: number; refused: number; failed: string | null };
/** What a worker tells the first process. */
type News = { hello: true } | { up: string } | { counts: PollCounts } | Batch;
/** Check-ins to be written, spread over `within` milliseconds. */
type Batch = { record: number; sightings: Sighting[]; within: number };

const COUNTS_EVERY_MS = 1_000;
const RESTART_AFTER_MS = 1_000;

/**
 * Answers polls in `settings.workers` processes that share the public address. They hold no connection to the store: the
 * state comes to them from this process, and their check-ins and counts go to it. One that dies is replaced.
 */
export async function openWorkers({
  state,
  store,
  settings,
  certificate,
  log,
}: PublicSideOptions): Promise<PublicSide> {
  // With round robin every connection would pass through this process first.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const counts = new Map<Worker, PollCounts>();
  /** Of workers that are gone: a counter must not fall. */
  let retired: PollCounts[] = [];
  let closing = false;

  function fork(): Promise<string> {
    const worker = cluster.fork();
    const tell = (order: Order) => worker.isConnected() && worker.send(order);
    const tellState = (snapshot: Snapshot | null) => tell({ state: snapshot && stateOf(snapshot) });
    const tellPair = (pair: KeyPair | null) => pair && tell({ pair });
    const followed: (() => void)[] = [];
    worker.on('exit', (code, signal) => {
      for (const stop of followed) stop();
      const last = counts.get(worker);
      counts.delete(worker);
      if (last) retired = [addCounts([...retired, last])];
      if (closing) return;
      log.error({ worker: worker.id, code, signal }, 'a worker died; another one takes its place');
      setTimeout(() => closing || void fork().catch(() => {}), RESTART_AFTER_MS);
    });
    return new Promise((resolve, reject) => {
      worker.once('exit', () => reject(new Error('a worker could not start; its own words are above')));
      worker.on('message', (news: News) => {
        if ('hello' in news) {
          // The state comes last: with it the worker begins.
          if (certificate) tellPair(certificate.peek());
          tellState(state.peek());
          followed.push(state.onChange(tellState));
          if (certificate) followed.push(certificate.onChange(tellPair));
        } else if ('up' in news) resolve(news.up);
        else if ('counts' in news) counts.set(worker, news.counts);
        else
          void store.recordSightings('check-ins', news.sightings, news.within).then(
            (refused) => tell({ recorded: news.record, refused, failed: null }),
            (error: Error) => tell({ recorded: news.record, refused: 0, failed: error.message }),
          );
      });
    });
  }

  const urls = await Promise.all(Array.from({ length: settings.workers }, fork));
  return {
    url: urls[0] as string,
    counts: () => addCounts([...retired, ...counts.values()]),
    async close() {
      closing = true;
      const workers = Object.values(cluster.workers ?? {}).flatMap((worker) => worker ?? []);
      const gone = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
      for (const worker of workers) worker.send({ stop: true } satisfies Order);
      await Promise.all(gone);
    },
  };
}

/** Is this process one that another one started to answer polls? */
export const isWorker = (): boolean => cluster.isWorker;

/** The life of a worker: answers polls until the first process tells it to stop, or is gone. */
export async function work(settings: Settings, log: Logger): Promise<void> {
  const tell = (news: News) => process.connected && process.send?.(news);
  const state = createFollowed<Snapshot>();
  const pair = createFollowed<KeyPair>();
  const batches = createBatches((batch) => tell(batch));
  let side: PublicSide | null = null;
  const tellCounts = () => side && tell({ counts: side.counts() });

  // Signals to the process group are the first process's to act on.
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  const stateCame = new Promise<void>((resolve) => {
    process.on('message', async (order: Order) => {
      if ('state' in order) {
        if (order.state) state.adopt(takeSnapshot(order.state));
        resolve();
      } else if ('pair' in order) {
        pair.adopt(order.pair);
      } else if ('recorded' in order) {
        batches.settle(order);
      } else {
        await side?.close();
        process.exit(0);
      }
    });
  });
  tell({ hello: true });
  // Only who knows what to answer may take connections.
  await stateCame;
  const certificate = settings.public.tls && pair;
  side = await openPublicSide({ state: state, store: batches, settings, certificate, now: () => new Date(), log });
  setInterval(tellCounts, COUNTS_EVERY_MS);
  tell({ up: side.url });
}

/** Something as the first process last told it. */
function createFollowed<T>() {
  const listeners = new Set<(value: T) => void>();
  let last: T | null = null;
  return {
    peek: () => last,
    onChange(listener: (value: T) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    adopt(value: T) {
      last = value;
      for (const listener of listeners) listener(value);
    },
  };
}

/** Batches of check-ins that the first process writes, each settled when it says so. */
function createBatches(send: (batch: Batch) => void) {
  const waiting = new Map<number, { resolve: (refused: number) => void; reject: (error: Error) => void }>();
  let last = 0;
  return {
    recordSightings: (_: SightingSource, sightings: Sighting[], within = 0) =>
      new Promise<number>((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        send({ record: last, sightings, within });
      }),
    settle({ recorded, refused, failed }: Recorded) {
      const batch = waiting.get(recorded);
      waiting.delete(recorded);
      if (failed === null) batch?.resolve(refused);
      else batch?.reject(new Error(failed));
    },
  };
}
