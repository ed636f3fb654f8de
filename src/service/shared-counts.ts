import type { FleetCounts } from '../domain/fleet-counts.ts';
import type { Store } from '../domain/store.ts';
import { shareReads } from './shared-read.ts';

/** The verbs that change what is counted. */
const CHANGING = [
  'saveSurvey',
  'dropSurvey',
  'recordSightings',
  'noteUncounted',
  'forgetUncounted',
  'prune',
  'forget',
] as const;

/** The counts of a large fleet take a while to read, so all who ask within a moment share one reading. */
export function shareCounts(store: Store): Store {
  /** Grows when this process begins and when it ends to change what is counted. */
  let changes = 0;
  let kept: { counts: FleetCounts; at: number; changes: number } | null = null;

  const read = shareReads(async () => {
    const began = { at: performance.now(), changes };
    const counts = await store.counts();
    kept = { counts, ...began };
    return counts;
  });

  const changing = CHANGING.map((verb) => {
    const change = store[verb] as (...args: unknown[]) => Promise<unknown>;
    const noted = (...args: unknown[]) => {
      changes++;
      return change(...args).finally(() => changes++);
    };
    return [verb, noted];
  });

  return {
    ...store,
    ...Object.fromEntries(changing),
    async counts(within = 0) {
      const isRecent = kept !== null && kept.changes === changes && performance.now() - kept.at < within;
      return isRecent && kept ? kept.counts : read();
    },
  };
}
