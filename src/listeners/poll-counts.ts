import type { Tally } from '../http/answers.ts';
import type { FastLane } from '../http/fast-lane.ts';
import type { PublicCounters } from '../http/public.ts';
import type { Endpoint } from '../http/public-path.ts';
import { type CheckInCounters, newCheckInCounters } from '../service/check-ins.ts';
import { type DelayCounts, newDelayCounts } from './poll-delay.ts';

/** Counts since the start: integers that only grow, except that a deleted channel takes its tallies with it. */
export interface PollCounts {
  tallies: ({ channel: string; endpoint: Endpoint } & Tally)[];
  polls: PublicCounters;
  checkIns: CheckInCounters;
  delays: DelayCounts;
  fastLane: FastLane['counters'];
}

/** The counts of a fast lane that is not open. */
export const NO_LANE: FastLane['counters'] = { answered: 0, handedOver: 0 };

const NOTHING: PollCounts = {
  tallies: [],
  polls: { notFound: 0, methodNotAllowed: 0, unavailable: 0 },
  checkIns: newCheckInCounters(),
  delays: newDelayCounts(),
  fastLane: NO_LANE,
};

/** The sum over several processes. */
export function addCounts(all: PollCounts[]): PollCounts {
  const tallies = new Map<string, PollCounts['tallies'][number]>();
  for (const tally of all.flatMap((counts) => counts.tallies)) {
    const key = `${tally.channel} ${tally.endpoint}`;
    tallies.set(key, { ...tally, ...addFields<Tally>(tally, tallies.get(key)) });
  }
  return {
    tallies: [...tallies.values()],
    polls: all.map(({ polls }) => polls).reduce(addFields, NOTHING.polls),
    checkIns: all
      .map(({ checkIns }) => checkIns)
      .reduce((a, b) => ({ ...addFields(a, b), rejected: addFields(a.rejected, b.rejected) }), NOTHING.checkIns),
    delays: all
      .map(({ delays }) => delays)
      .reduce((a, b) => ({ ...addFields(a, b), buckets: addFields(a.buckets, b.buckets) }), NOTHING.delays),
    fastLane: all.map(({ fastLane }) => fastLane).reduce(addFields, NO_LANE),
  };
}

/** Adds the numbers of two objects of the same shape; other values are taken from the first. */
function addFields<T extends object>(a: T, b: T | undefined): T {
  const sums = Object.entries(a).map(([name, value]) => {
    const other = b?.[name as keyof T];
    return [name, typeof value === 'number' && typeof other === 'number' ? value + other : value];
  });
  return Object.fromEntries(sums) as T;
}
