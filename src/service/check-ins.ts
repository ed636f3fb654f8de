import type { Logger } from 'pino';
import { isAgentId, isGroup, isUpdaterKind, type Sighting } from '../domain/agent.ts';
import type { Store } from '../domain/store.ts';
import { parseVersion } from '../domain/version.ts';

/** What an agent may say of itself in a poll, as it came. */
export interface RawCheckIn {
  id?: string;
  version?: string;
  updater?: string;
  updaterVersion?: string;
  group?: string;
}

export const REJECTIONS = ['id', 'version', 'updater', 'updater_version', 'group'] as const;
export type Rejection = (typeof REJECTIONS)[number];

export interface CheckInCounters {
  received: number;
  rejected: Record<Rejection, number>;
  dropped: number;
}

export interface CheckIns {
  /** Takes note of an agent, if what it says makes sense. Never throws, never waits. */
  note(channel: string, raw: RawCheckIn): void;
  counters: Readonly<CheckInCounters>;
  /** Writes what is pending, then stops. */
  close(): Promise<void>;
}

export interface CheckInsOptions {
  store: Pick<Store, 'recordSightings'>;
  flushEvery: number;
  /** Agents that may wait to be written; more are dropped and counted. */
  maxPending: number;
  now: () => Date;
  log: Logger;
}

/** Versions repeat by the thousand; this many distinct ones are parsed once. */
const MAX_KNOWN_VERSIONS = 1_000;

/** Merges check-ins per agent and writes them in batches, so that polls never wait for the store. */
export function createCheckIns({ store, flushEvery, maxPending, now, log }: CheckInsOptions): CheckIns {
  let pending = new Map<string, Sighting>();
  let flushing: Promise<void> | null = null;
  const versions = new Map<string, string | null>();
  const counters: CheckInCounters = {
    received: 0,
    rejected: { id: 0, version: 0, updater: 0, updater_version: 0, group: 0 },
    dropped: 0,
  };

  function canonical(text: string): string | null {
    let version = versions.get(text);
    if (version === undefined) {
      version = parseVersion(text)?.text ?? null;
      if (versions.size >= MAX_KNOWN_VERSIONS) versions.clear();
      versions.set(text, version);
    }
    return version;
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

  function keep(sighting: Sighting): void {
    if (pending.size >= maxPending && !pending.has(sighting.id)) counters.dropped++;
    else pending.set(sighting.id, sighting);
  }

  async function write(batch: Map<string, Sighting>): Promise<void> {
    try {
      await store.recordSightings('check-ins', [...batch.values()]);
    } catch (err) {
      log.warn({ err, agents: batch.size }, 'check-ins could not be written; they wait for the next try');
      const newer = pending;
      pending = batch;
      for (const sighting of newer.values()) keep(sighting);
    }
  }

  function flush(): Promise<void> {
    if (flushing) return flushing;
    if (pending.size === 0) return Promise.resolve();
    const batch = pending;
    pending = new Map();
    flushing = write(batch).finally(() => {
      flushing = null;
    });
    return flushing;
  }

  const timer = setInterval(() => void flush(), flushEvery);

  return {
    note(channel, raw) {
      // Managed Updates v2 clients name themselves (`host`) and never say what they run.
      if (raw.id === undefined || raw.version === undefined) return;
      if (!isAgentId(raw.id)) return void counters.rejected.id++;
      const version = canonical(raw.version);
      if (version === null) return void counters.rejected.version++;
      counters.received++;
      keep({
        id: raw.id,
        channel,
        version,
        at: now().getTime(),
        updater: optional('updater', raw.updater, (text) => (isUpdaterKind(text) ? text : null)),
        updaterVersion: optional('updater_version', raw.updaterVersion, canonical),
        group: optional('group', raw.group, (text) => (isGroup(text) ? text : null)),
      });
    },
    counters,
    async close() {
      clearInterval(timer);
      await flushing;
      await flush();
    },
  };
}
