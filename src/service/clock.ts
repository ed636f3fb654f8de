import type { Logger } from 'pino';
import type { FleetRecords } from '../domain/store.ts';
import { repeat } from '../process/repeat.ts';

/** The time that everything in this server goes by. */
export interface Clock {
  now(): Date;
  /** Seconds that the system's clock is ahead of the store's; below 0 if it is behind. */
  offset(): number;
  /** Is the system's clock close enough to the store's for this server to be ready and to lead? */
  isTrusted(): boolean;
}

/** A clock that is corrected by the store's. */
export interface StoreClock extends Clock {
  /** Asks the store for its time. Never rejects: while the store is away, the last correction stays. */
  measure(): Promise<void>;
  stop(): void;
}

export interface StoreClockOptions {
  store: Pick<FleetRecords, 'time'>;
  /** The system's clock. */
  now?: () => Date;
  /** Milliseconds. An answer that took longer says too little about the moment at which it was given. */
  deadline: number;
  /** Milliseconds between two measurements. */
  measureEvery?: number;
  log: Logger;
}

const MEASURE_EVERY_MS = 10_000;
/** The median of three is right if one answer was held up on one of its ways. */
const SAMPLES = 3;
/** Milliseconds. The first sample, and one that is farther off, is confirmed or outvoted by more of them at once. */
const JUMP_MS = 100;
/** Seconds. A pin or a critical mark that ends so much too early or too late is an incident of its own. */
export const MAX_OFFSET = 30;

/** For tests that bring their own time. */
export const systemClock = (now = () => new Date()): Clock => ({ now, offset: () => 0, isTrusted: () => true });

/**
 * For a store of this machine: the system's clock, which runs on the monotonic time of the process. A step of up to
 * `MAX_OFFSET` is followed. A larger one, or the time that a machine slept, is not: agents would be forgotten and soaks
 * be complete because a clock was set. Then a restart takes the new time, once a person has seen that it is right.
 */
export function createMachineClock({
  now: system = () => new Date(),
  lookEvery = MEASURE_EVERY_MS,
  log,
}: {
  now?: () => Date;
  /** Milliseconds. */
  lookEvery?: number;
  log: Logger;
}): Clock & { stop(): void } {
  const read = () => system().getTime() - performance.now();
  let base = read();
  let isOff = false;
  const offset = () => (read() - base) / 1_000;

  const looking = repeat('clock', lookEvery, log, async () => {
    const found = offset();
    const wasOff = isOff;
    isOff = Math.abs(found) > MAX_OFFSET;
    if (!isOff) base = read();
    if (isOff && !wasOff) log.error({ offset: found }, describeStep(found));
    if (!isOff && wasOff) log.info({}, 'the clock of this machine is right again');
  });
  return { now: () => new Date(base + performance.now()), offset, isTrusted: () => true, stop: looking.stop };
}

function describeStep(offset: number): string {
  const [seconds, way] = [Math.round(Math.abs(offset)), offset > 0 ? 'ahead' : 'back'];
  return (
    `the clock of this machine was set ${seconds} s ${way}; this server goes on by the time before, so that nothing ` +
    'ends or is forgotten for that; restart it if the new time is right (see docs/runbooks/clock.md)'
  );
}

/**
 * Goes by the store's time, which is the reference for all servers. Between measurements it runs on the monotonic time
 * of the process, so that setting the system's clock does not move it. Until the first answer it is the system's clock.
 */
export function createStoreClock(options: StoreClockOptions): StoreClock {
  const { store, now: system = () => new Date(), deadline, measureEvery = MEASURE_EVERY_MS, log } = options;
  /** Milliseconds between the start of the process's monotonic time and the store's zero; the newest last. */
  const samples: number[] = [];
  let base: number | null = null;
  let wasTrusted = true;

  const time = () => (base === null ? system().getTime() : base + performance.now());
  const offset = () => (base === null ? 0 : (system().getTime() - time()) / 1_000);
  const isTrusted = () => Math.abs(offset()) <= MAX_OFFSET;

  /** Takes one sample. Returns whether more of them are needed at once. */
  async function sample(): Promise<boolean> {
    const sent = performance.now();
    const stored = await store.time();
    const answered = performance.now();
    if (answered - sent > deadline) return false;
    const found = stored - (sent + answered) / 2;
    const isFar = base === null || Math.abs(found - base) > JUMP_MS;
    samples.push(found);
    if (samples.length > SAMPLES) samples.shift();
    base = median(samples);
    return isFar;
  }

  async function measure(): Promise<void> {
    try {
      if (await sample()) for (let more = 1; more < SAMPLES; more++) await sample();
    } catch (err) {
      log.debug({ err }, 'the store did not give its time; the last correction of the clock stays');
    }
    report();
  }

  function report(): void {
    if (isTrusted() === wasTrusted) return;
    wasTrusted = !wasTrusted;
    const fields = { offset: offset() };
    if (wasTrusted) log.info(fields, 'the clock of this machine agrees with the store again');
    else log.error(fields, describeOffset(offset()));
  }

  const measuring = repeat('clock', measureEvery, log, measure);
  return { now: () => new Date(time()), offset, isTrusted, measure, stop: measuring.stop };
}

/** What is wrong with a clock that is not trusted, and what to do. */
export function describeOffset(offset: number): string {
  const seconds = Math.round(Math.abs(offset));
  const side = offset > 0 ? 'ahead of' : 'behind';
  return `the clock of this machine is ${seconds} s ${side} the store's; set it (see docs/runbooks/clock.md)`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
