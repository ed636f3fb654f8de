import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { isAgentId, isGroup, isUpdaterKind, type Sighting } from '../domain/agent.ts';
import { compareAgentVersions, readAgentVersion, UNREADABLE } from '../domain/agent-version.ts';
import type { FleetRecords } from '../domain/store.ts';
import { countWarnings } from '../process/warnings.ts';
import { createDroppedLines } from './dropped-lines.ts';

/** What an agent may say of itself in a poll, as it came. */
export interface RawCheckIn {
  id?: string;
  version?: string;
  updater?: string;
  updaterVersion?: string;
  group?: string;
  /** An enrolment token. */
  token?: string;
}

export const REJECTIONS = ['id', 'version', 'updater', 'updater_version', 'group'] as const;
export type Rejection = (typeof REJECTIONS)[number];

export interface CheckInCounters {
  received: number;
  /** Received check-ins without a valid enrolment token, if one is required. */
  unenrolled: number;
  rejected: Record<Rejection, number>;
  dropped: number;
  /** By the store, whose limits were reached. */
  refused: number;
}

export interface CheckIns {
  /** Takes note of an agent, if what it says makes sense. Never throws, never waits. */
  note(channel: string, raw: RawCheckIn): void;
  counters: Readonly<CheckInCounters>;
  /** Writes what is pending, then stops. */
  close(): Promise<void>;
}

/** Which check-ins count: all (`open`), or those that bring a token. */
export interface Enrolment {
  mode: 'open' | 'token';
  /** SHA-256, hex. */
  tokens: readonly { sha256: string }[];
}

export interface CheckInsOptions {
  store: Pick<FleetRecords, 'recordSightings' | 'noteUncounted'>;
  flushEvery: number;
  /** Agents that may wait to be written; of more, only the release lines are kept. */
  maxPending: number;
  enrolment: Enrolment;
  contestedFor: number;
  /** The version that each channel serves. */
  targets: () => ReadonlyMap<string, string>;
  now: () => Date;
  log: Logger;
}

/**
 * Check-ins that wait to be written: the newest of each agent, and of those that changed the lowest before on each
 * channel.
 */
interface Batch {
  newest: Map<string, Sighting>;
  earlier: Map<string, Sighting>;
}

const newBatch = (): Batch => ({ newest: new Map(), earlier: new Map() });
const sizeOf = ({ newest, earlier }: Batch) => newest.size + earlier.size;
const isOther = (a: Sighting, b: Sighting) => a.version !== b.version || a.channel !== b.channel;

/** The share of `maxPending` for check-ins that are not enrolled. */
const STRANGERS_SHARE = 0.1;
/** The share of the time between two flushes, so that the first can end before the second. */
const PACED_SHARE = 0.8;
/** Versions, groups and kinds of updaters repeat by the thousand; this many distinct ones of each are remembered. */
const MAX_KNOWN = 1_000;

export const newCheckInCounters = (): CheckInCounters => ({
  received: 0,
  unenrolled: 0,
  rejected: { id: 0, version: 0, updater: 0, updater_version: 0, group: 0 },
  dropped: 0,
  refused: 0,
});

/** Merges check-ins per agent and writes them in batches, so that polls never wait for the store. */
export function createCheckIns(options: CheckInsOptions): CheckIns {
  const { store, flushEvery, maxPending, enrolment, contestedFor, targets, now, log } = options;
  const warn = countWarnings(log);
  let pending = newBatch();
  let flushing: Promise<void> | null = null;
  const dropped = createDroppedLines();
  let droppedBefore = 0;
  const counters = newCheckInCounters();

  const readable = remember((text) => {
    const version = readAgentVersion(text);
    return version === UNREADABLE ? null : version;
  });
  const kind = remember((text) => (isUpdaterKind(text) ? text : null));
  const knownGroup = remember((text) => (isGroup(text) ? text : null));

  const hashes = new Set(enrolment.tokens.map(({ sha256 }) => sha256));
  function isEnrolled(token: string | undefined): boolean {
    if (enrolment.mode === 'open') return true;
    // Hashes are compared, so the time taken reveals nothing about a token.
    return token !== undefined && hashes.has(createHash('sha256').update(token).digest('hex'));
  }

  /** An optional value that is wrong is left out and counted; the rest of the check-in stands. */
  function optional<T extends string>(
    reason: Rejection,
    value: string | undefined,
    read: (text: string) => T | null,
  ): T | null {
    if (value === undefined) return null;
    const result = read(value);
    if (result === null) counters.rejected[reason]++;
    return result;
  }

  /** Check-ins that are not enrolled neither replace those that are nor crowd them out. */
  function keep(sighting: Sighting): void {
    const { id, enrolled } = sighting;
    const before = pending.newest.get(id);
    if (before?.enrolled && !enrolled) return;
    const room = enrolled ? maxPending : maxPending * STRANGERS_SHARE;
    if (!before && sizeOf(pending) >= room) return void drop(sighting);
    pending.newest.set(id, sighting);
    if (before?.enrolled && isOther(before, sighting)) keepEarlier(before);
  }

  /** An id that goes back and forth between two writes must not pass for one that went only once. */
  function keepEarlier(sighting: Sighting): void {
    const key = `${sighting.id} ${sighting.channel}`;
    const kept = pending.earlier.get(key);
    if (kept && compareAgentVersions(kept.version, sighting.version) <= 0) return;
    if (!kept && sizeOf(pending) >= maxPending) drop(sighting);
    else pending.earlier.set(key, sighting);
  }

  /** An agent that is dropped may be the oldest, so the census must not pass for complete without it. */
  function drop(sighting: Sighting): void {
    counters.dropped++;
    if (sighting.enrolled) dropped.note(sighting);
  }

  function tellOfDropped(): void {
    const checkIns = counters.dropped - droppedBefore;
    droppedBefore = counters.dropped;
    if (checkIns === 0) return;
    warn({ checkIns, maxPending }, 'check-ins were dropped, because too many wait to be written');
  }

  async function write(batch: Batch, within: number): Promise<void> {
    const lines = dropped.take();
    try {
      if (lines.length > 0) await store.noteUncounted(lines);
      const sightings = [...batch.earlier.values(), ...batch.newest.values()];
      const recording = { now: now().getTime(), contestedFor, targets: targets(), within };
      counters.refused += await store.recordSightings('check-ins', sightings, recording);
    } catch (err) {
      warn({ err, agents: batch.newest.size }, 'check-ins could not be written; they wait for the next try');
      dropped.putBack(lines);
      const newer = pending;
      pending = batch;
      for (const sighting of newer.earlier.values()) keep(sighting);
      for (const sighting of newer.newest.values()) keep(sighting);
    }
  }

  function flush(within: number): Promise<void> {
    tellOfDropped();
    if (flushing) return flushing;
    // Nothing is dropped while nothing waits, and what was put back waits beside a batch.
    if (pending.newest.size === 0) return Promise.resolve();
    const batch = pending;
    pending = newBatch();
    flushing = write(batch, within).finally(() => {
      flushing = null;
    });
    return flushing;
  }

  const timer = setInterval(() => void flush(flushEvery * PACED_SHARE), flushEvery);

  return {
    note(channel, raw) {
      // Managed Updates v2 clients name themselves (`update_id`, `host`) and never say what they run.
      if (raw.id === undefined || !raw.version) return;
      if (!isAgentId(raw.id)) return void counters.rejected.id++;
      const version = readable(raw.version) ?? UNREADABLE;
      // It counts anyway: an agent of unknown version may be the oldest.
      if (version === UNREADABLE) counters.rejected.version++;
      counters.received++;
      const enrolled = isEnrolled(raw.token);
      if (!enrolled) counters.unenrolled++;
      keep({
        id: raw.id,
        channel,
        version,
        at: now().getTime(),
        updater: optional('updater', raw.updater, kind),
        updaterVersion: optional('updater_version', raw.updaterVersion, readable),
        group: optional('group', raw.group, knownGroup),
        enrolled,
        proven: enrolment.mode === 'token',
        updaterState: null,
        host: null,
        listing: null,
        expired: false,
      });
    },
    counters,
    async close() {
      clearInterval(timer);
      await flushing;
      await flush(0);
    },
  };
}

/**
 * Wraps `read` so that it looks at each text once and gives the same string for equal texts: strings that a thousand
 * agents share cost the garbage collector nothing.
 */
function remember<T extends string>(read: (text: string) => T | null): (text: string) => T | null {
  const known = new Map<string, T | null>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = read(text);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(text, value);
    }
    return value;
  };
}
