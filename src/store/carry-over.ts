import { setTimeout as sleep } from 'node:timers/promises';
import type { Sighting, SightingSource } from '../domain/agent.ts';
import { UNREADABLE } from '../domain/agent-version.ts';
import { FairwayError } from '../domain/errors.ts';
import type { RecordingOptions, Store } from '../domain/store.ts';

/**
 * The fleet as an older release stored it. It is recorded once under the keys, or in the tables, of this one, in
 * pieces; a server that stops on the way, or does it at the same time as another one, does no harm, since a sighting
 * that is recorded twice changes nothing.
 */
export interface OldFleet {
  /** How far it is carried over; null: all of it, or there was none. */
  progress(): Promise<string | null>;
  /** Records the next piece and notes the progress after it. */
  step(progress: string): Promise<void>;
}

export interface CarryOver {
  /** Rejects with `store_unavailable` until all is carried over, so that nothing is judged by half a fleet. */
  require(): Promise<void>;
  /** Stops, and waits for the piece under way. */
  close(): Promise<void>;
}

/** Milliseconds until the next try, after a store was away. */
const RETRY = 250;

/** Carries an old fleet over in the background, until it is done or closed. */
export function carryOver(old: OldFleet): CarryOver {
  let done = false;
  const stop = new AbortController();

  async function look(): Promise<string | null> {
    const progress = done ? null : await old.progress();
    done = progress === null;
    return progress;
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        const progress = await look();
        if (progress === null) return;
        await old.step(progress);
      } catch {
        // What is wrong with the store, its other verbs say.
        await sleep(RETRY, undefined, { signal: stop.signal, ref: false }).catch(() => {});
      }
    }
  }

  const working = work();
  return {
    async require() {
      if (!done && (await look()) !== null) {
        throw new FairwayError(
          'store_unavailable',
          'the agents that an older release recorded are being carried over; try again in a minute',
        );
      }
    },
    async close() {
      stop.abort();
      await working;
    },
  };
}

/**
 * Records old sightings. Whether a channel was rolled back between two of them is not known, so nothing is taken for an
 * agent that went back: each channel has the lowest target of all.
 */
export async function recordOld(
  record: Store['recordSightings'],
  old: Record<SightingSource, Sighting[]>,
  now: number,
): Promise<void> {
  const channels = [...old.inventory, ...old['check-ins']].map(({ channel }) => channel);
  const targets = new Map(channels.map((channel) => [channel, UNREADABLE]));
  const options: RecordingOptions = { now, contestedFor: 0, targets };
  await record('inventory', old.inventory, options);
  await record('check-ins', old['check-ins'], options);
}
