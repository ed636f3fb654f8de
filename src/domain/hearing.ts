import type { Hearing } from './store.ts';

/** The share of `staleAfter` for which a channel may be silent and still counts as heard. */
const GAP = 1 / 4;

/** Flushes within a gap that a heard channel may have, so that one that is late makes none. */
const FLUSHES = 2;
/** Milliseconds between two looks at what was heard, at the least. */
export const LEAST_LOOK = 250;

/**
 * `staleAfter` as it counts: what is heard is known only as often as check-ins are written and looked at, so a shorter
 * time could not tell a silent agent from a silent channel.
 */
export const countedStaleAfter = (staleAfter: number, flushEvery: number): number =>
  Math.max(staleAfter, (FLUSHES * Math.max(flushEvery, LEAST_LOOK)) / GAP);

/**
 * Since when each channel has been heard without a gap. An agent's silence says that it is gone only while others of
 * its channel are heard: after an outage of the store, the network or Fairway itself, all of them have been silent.
 */
export function listen(
  before: ReadonlyMap<string, Hearing>,
  latest: readonly { channel: string; at: number }[],
  now: number,
  staleAfter: number,
): Map<string, Hearing> {
  const gap = staleAfter * GAP;
  return new Map(
    latest.map(({ channel, at }) => {
      const until = Math.min(at, now);
      const known = before.get(channel);
      const goesOn = known !== undefined && until - known.until <= gap;
      return [channel, { since: goesOn ? known.since : until, until: Math.max(until, known?.until ?? until) }];
    }),
  );
}

/**
 * By channel, the time before which a check-in is forgotten: `staleAfter` before the channel was last heard. Channels
 * that have not been heard for so long without a gap are left out.
 */
export function silenceBounds(
  hearing: ReadonlyMap<string, Hearing>,
  now: number,
  staleAfter: number,
): Map<string, number> {
  const bounds = [...hearing].flatMap(([channel, { since, until }]): [string, number][] => {
    const last = Math.min(until, now);
    return last - since >= staleAfter ? [[channel, last - staleAfter]] : [];
  });
  return new Map(bounds);
}
