import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { KeyPair } from '../config/key-pair.ts';
import type { Settings } from '../config/settings.ts';
import type { Sighting, SightingSource } from '../domain/agent.ts';
import { FairwayError } from '../domain/errors.ts';
import type { UncountedLine } from '../domain/fleet-counts.ts';
import { applyInSteps, differenceOf, type Snapshot, stateOf, takeSnapshot, targetsOf } from '../domain/snapshot.ts';
import type { Steps } from '../domain/steps.ts';
import type { ControlState, Difference, Document, RecordingOptions } from '../domain/store.ts';
import { inOwnTurns } from '../process/turns.ts';
import { createServing, type Serving } from '../service/serving.ts';
import type { State } from '../service/state.ts';
import { addCounts, type PollCounts } from './poll-counts.ts';
import { openPublicSide, type PublicSide, type PublicSideOptions } from './public.ts';

/**
 * A message of the first process to a worker. `offset` is in seconds; `stop`, the drain, and `age`, of the state, are
 * in milliseconds, and an age of null is infinite. A large difference comes in pieces: `more` follow, and nothing is
 * served before the last one.
 */
type Order =
  | { pair: KeyPair }
  | { offset: number }
  | { age: number | null }
  | { state: ControlState | null }
  | { difference: Difference; more: boolean }
  | Recorded
  | { stop: number };
/** The result of a batch of check-ins: how many the store refused, or why it failed. */
type Recorded = { recorded: number; refused: number; failed: string | null };
/** A message of a worker to the first process. */
type News = { hello: true } | { up: string } | { counts: PollCounts } | Batch;
type Batch = { record: number } & Recordable;
/** Check-ins to write, spread over `within` milliseconds; or lines of check-ins that were dropped. */
type Recordable = { sightings: readonly Sighting[]; within: number } | { uncounted: readonly UncountedLine[] };

const COUNTS_EVERY_MS = 1_000;
const RESTART_AFTER_MS = 1_000;
const OFFSET_EVERY_MS = 1_000;
const AGE_EVERY_MS = 1_000;
/** Workers send their counts every second, so one that was not heard for so long answers no polls either. */
const SILENT_MS = 5_000;
/** For a worker to end by itself when its own deadline is over. */
const LAST_MS = 500;
/** Seconds. Workers need not know of less. */
const LEAST_OFFSET_CHANGE = 0.1;

/**
 * Answers polls in `settings.workers` processes that share the public address. Workers have no connection to the store:
 * this process sends them the state and gets their check-ins and counts. A worker that dies is replaced. Rejects if a
 * worker cannot start.
 */
export async function openWorkers({
  state,
  store,
  settings,
  certificate,
  now,
  offset,
  log,
}: PublicSideOptions): Promise<PublicSide> {
  // With round robin every connection would pass through this process.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const counts = new Map<Worker, PollCounts>();
  /** The counts of workers that ended: a counter must not fall. */
  let retired: PollCounts[] = [];
  let closing = false;
  /** When each worker that listens was heard last; by the monotonic time of this process. */
  const heard = new Map<Worker, number>();

  const recordingOf = (within: number) => ({
    now: now().getTime(),
    contestedFor: settings.fleet.contestedFor,
    targets: targetsOf(state.peek()),
    within,
  });

  async function record(batch: Batch): Promise<number> {
    if ('sightings' in batch) return store.recordSightings('check-ins', batch.sightings, recordingOf(batch.within));
    await store.noteUncounted(batch.uncounted);
    return 0;
  }

  function fork(): Promise<string> {
    const worker = cluster.fork();
    const send = (order: Order) => sendTo(worker, order);
    let sent: Snapshot | null = null;
    /** The first time, the worker gets everything; then what differs. */
    const sendState = (snapshot: Snapshot | null) => {
      if (sent && snapshot) sendPieces(differenceOf(sent, snapshot));
      else send({ state: snapshot && stateOf(snapshot) });
      sent = snapshot;
    };
    let pieces: Promise<void> = Promise.resolve();
    /** Piece by piece, so that no poll waits, neither here nor in the worker; differences stay in their order. */
    const sendPieces = (difference: Difference) => {
      pieces = pieces.then(() => inOwnTurns(sendInSteps(difference, send)));
    };
    const sendPair = (pair: KeyPair | null) => pair && send({ pair });
    const followed: (() => void)[] = [];
    // A worker that dies while a message is on its way: `exit` follows.
    worker.on('error', (err) => log.debug({ err, worker: worker.id }, 'a message did not reach a worker'));
    worker.on('exit', (code, signal) => {
      for (const stop of followed) stop();
      heard.delete(worker);
      const last = counts.get(worker);
      counts.delete(worker);
      if (last) retired = [addCounts([...retired, last])];
      if (closing) return;
      log.error({ worker: worker.id, code, signal }, 'a worker ended unexpectedly; a new one replaces it');
      setTimeout(() => closing || void fork().catch(() => {}), RESTART_AFTER_MS);
    });
    return new Promise((resolve, reject) => {
      worker.once('exit', () => reject(new FairwayError('invalid', 'a worker ended; its message is above')));
      worker.on('message', (news: News) => {
        if ('hello' in news) {
          // The state comes last: the worker starts to listen when it has it.
          if (certificate) sendPair(certificate.peek());
          if (offset) followed.push(sendOffset(offset, send));
          followed.push(sendAge(state, send));
          sendState(state.peek());
          followed.push(state.onChange(sendState));
          if (certificate) followed.push(certificate.onChange(sendPair));
        } else if ('up' in news) {
          heard.set(worker, performance.now());
          resolve(news.up);
        } else if ('counts' in news) {
          heard.set(worker, performance.now());
          counts.set(worker, news.counts);
        } else
          void record(news).then(
            (refused) => send({ recorded: news.record, refused, failed: null }),
            (error: Error) => send({ recorded: news.record, refused: 0, failed: error.message }),
          );
      });
    });
  }

  async function close(drain: number): Promise<void> {
    closing = true;
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead()) as Worker[];
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    for (const worker of workers) sendTo(worker, { stop: drain });
    const cutOff = setTimeout(
      () => {
        for (const worker of workers.filter((each) => !each.isDead())) {
          log.warn({ worker: worker.id }, 'a worker did not end in time and is killed');
          worker.process.kill('SIGKILL');
        }
      },
      drain + settings.shutdown.deadline + LAST_MS,
    );
    await Promise.all(ended);
    clearTimeout(cutOff);
  }

  const urls = await Promise.all(Array.from({ length: settings.workers }, fork)).catch(async (error) => {
    await close(0);
    throw error;
  });
  return {
    url: urls[0] as string,
    counts: () => addCounts([...retired, ...counts.values()]),
    answers: () => [...heard.values()].some((at) => performance.now() - at <= SILENT_MS),
    close,
  };
}

/** Documents in one message. */
const PIECE = 50;

function* sendInSteps({ documents, ...last }: Difference, send: (order: Order) => void): Steps<void> {
  const head = { revision: last.revision, hash: last.hash };
  let done = 0;
  for (; documents.length - done > PIECE; done += PIECE) {
    send({ difference: { ...head, documents: documents.slice(done, done + PIECE), gone: [] }, more: true });
    yield;
  }
  send({ difference: { ...last, documents: documents.slice(done) }, more: false });
}

/** Sends the offset now, and again when it has changed, until the returned function is called. */
function sendOffset(offset: () => number, send: (order: Order) => void): () => void {
  let sent = Number.NaN;
  const look = () => {
    const found = offset();
    if (Math.abs(found - sent) <= LEAST_OFFSET_CHANGE) return;
    sent = found;
    send({ offset: found });
  };
  look();
  const looking = setInterval(look, OFFSET_EVERY_MS);
  return () => clearInterval(looking);
}

/** Sends the age of the state now and every second, until the returned function is called. */
function sendAge(state: Pick<State, 'age'>, send: (order: Order) => void): () => void {
  const look = () => {
    const age = state.age();
    send({ age: Number.isFinite(age) ? age : null });
  };
  look();
  const looking = setInterval(look, AGE_EVERY_MS);
  return () => clearInterval(looking);
}

/** A worker that is gone gets nothing; its `error` is handled where it was made. */
const sendTo = (worker: Worker, order: Order) => worker.isConnected() && worker.send(order, () => {});

/** Is this process a worker? */
export const isWorker = (): boolean => cluster.isWorker;

/** Runs a worker: answers polls until the first process stops it, or ends. */
export async function work(settings: Settings, log: Logger): Promise<void> {
  const send = (news: News) => process.connected && process.send?.(news);
  const state = createServing(null);
  const { apply } = collectPieces(state);
  const pair = createFollowed<KeyPair>();
  const clock = createCorrected();
  const age = createAge();
  const batches = createBatches((batch) => send(batch));
  let side: PublicSide | null = null;
  const sendCounts = () => side && send({ counts: side.counts() });

  // A signal to the process group is handled by the first process.
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  const stateCame = new Promise<void>((resolve) => {
    process.on('message', async (order: Order) => {
      if ('state' in order) {
        const { state: first } = order;
        if (first) await state.serve(() => applyInSteps(NOTHING, { ...first, gone: [] }));
        resolve();
      } else if ('difference' in order) {
        apply(order);
      } else if ('offset' in order) {
        clock.correct(order.offset);
      } else if ('age' in order) {
        age.adopt(order.age);
      } else if ('pair' in order) {
        pair.adopt(order.pair);
      } else if ('recorded' in order) {
        batches.settle(order);
      } else {
        await side?.close(order.stop);
        process.exit(0);
      }
    });
  });
  send({ hello: true });
  // Without the state there is nothing to answer, so the worker does not listen yet.
  await stateCame;
  const certificate = settings.public.tls && pair;
  side = await openPublicSide({
    state: { ...state, age: age.read },
    store: batches,
    settings,
    certificate,
    now: clock.now,
    log,
  });
  setInterval(sendCounts, COUNTS_EVERY_MS);
  send({ up: side.url });
}

/** The system's clock until it is corrected for the first time; then it runs on the monotonic time of this process. */
function createCorrected() {
  let base: number | null = null;
  return {
    now: () => new Date(base === null ? Date.now() : base + performance.now()),
    /** `offset` is in seconds. */
    correct(offset: number) {
      base = Date.now() - offset * 1_000 - performance.now();
    },
  };
}

/** The age of the state, which grows on its own when the first process falls silent. */
function createAge() {
  let confirmedAt = Number.NEGATIVE_INFINITY;
  return {
    read: () => performance.now() - confirmedAt,
    /** In milliseconds; null is infinite. */
    adopt(age: number | null) {
      confirmedAt = age === null ? Number.NEGATIVE_INFINITY : performance.now() - age;
    },
  };
}

/** Applies the differences that the first process sends, each when its last piece has come. */
function collectPieces(state: Serving) {
  let documents: Document[] = [];
  return {
    apply({ difference, more }: { difference: Difference; more: boolean }) {
      for (const each of difference.documents) documents.push(each);
      if (more) return;
      const whole = { ...difference, documents };
      documents = [];
      void state.serve(function* (served) {
        return served && (yield* applyInSteps(served, whole));
      });
    },
  };
}

const NOTHING = takeSnapshot({ revision: 0, hash: null, documents: [] });

/** A value that the first process sends, and sends again when it changes. */
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

/** Sends batches of check-ins to the first process; each is settled by its answer. */
function createBatches(send: (batch: Batch) => void) {
  const waiting = new Map<number, { resolve: (refused: number) => void; reject: (error: Error) => void }>();
  let last = 0;
  const sendBatch = (batch: Recordable) =>
    new Promise<number>((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      send({ record: last, ...batch });
    });
  return {
    recordSightings: (_: SightingSource, sightings: readonly Sighting[], { within = 0 }: RecordingOptions) =>
      sendBatch({ sightings, within }),
    async noteUncounted(uncounted: readonly UncountedLine[]) {
      await sendBatch({ uncounted });
    },
    settle({ recorded, refused, failed }: Recorded) {
      const batch = waiting.get(recorded);
      waiting.delete(recorded);
      if (failed === null) batch?.resolve(refused);
      else batch?.reject(new Error(failed));
    },
  };
}
