import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { FleetRecords } from '../domain/store.ts';
import { type Answers, createAnswers, type Tally } from '../http/answers.ts';
import { type FastLane, openFastLane } from '../http/fast-lane.ts';
import { PollRequest } from '../http/poll-headers.ts';
import { createPublicApi, type PublicCounters } from '../http/public.ts';
import type { Endpoint } from '../http/public-path.ts';
import { type CheckInCounters, createCheckIns, newCheckInCounters } from '../service/check-ins.ts';
import type { State } from '../service/state.ts';
import type { ServedKeyPair } from './certificate.ts';
import { listen, type OpenLane } from './listen.ts';
import { type DelayCounts, newDelayCounts, samplePollDelay } from './poll-delay.ts';

/** What was counted since the start; whole numbers that only grow, except with a channel that is deleted. */
export interface PollCounts {
  tallies: ({ channel: string; endpoint: Endpoint } & Tally)[];
  polls: PublicCounters;
  checkIns: CheckInCounters;
  delays: DelayCounts;
  fastLane: FastLane['counters'];
}

/** The listener that agents poll, in this process or in several. */
export interface PublicSide {
  url: string;
  counts(): PollCounts;
  /** Drains, closes, then writes the check-ins that are pending. */
  close(): Promise<void>;
}

export interface PublicSideOptions {
  state: Pick<State, 'peek' | 'onChange'>;
  store: Pick<FleetRecords, 'recordSightings'>;
  settings: Settings;
  /** Where the listener speaks TLS itself. */
  certificate: ServedKeyPair | null;
  now: () => Date;
  log: Logger;
}

/** A poll is a few hundred bytes. */
const REQUEST_TIMEOUT = 10_000;

/** Answers polls in this process. Rejects with `invalid` if the address cannot be had. */
export async function openPublicSide(options: PublicSideOptions): Promise<PublicSide> {
  const { state, store, settings, certificate, now, log } = options;
  const answers = createAnswers({ state, cluster: settings.webapi, now });
  const checkIns = createCheckIns({ ...settings.fleet, store, now, log });
  const api = createPublicApi({ answers, checkIns, defaultChannel: settings.defaultChannel });
  let fastLane: FastLane['counters'] = NO_LANE;
  const openLane: OpenLane = (server, lookEvery) => {
    const lane = openFastLane(server, { answers, checkIns, lookEvery });
    fastLane = lane.counters;
    return lane;
  };
  const listener = await listen(api.listener, {
    ...settings.public,
    Request: PollRequest,
    certificate,
    requestTimeout: REQUEST_TIMEOUT,
    openLane: settings.fastLane ? openLane : null,
  });
  const delay = samplePollDelay();
  return {
    url: listener.url,
    counts: () => ({
      tallies: readTallies(answers),
      polls: api.counters,
      checkIns: checkIns.counters,
      delays: delay.counts,
      fastLane,
    }),
    async close() {
      await listener.drain(settings.shutdown.drain);
      delay.stop();
      await listener.close(settings.shutdown.deadline);
      await checkIns.close();
      answers.close();
    },
  };
}

function readTallies(answers: Answers): PollCounts['tallies'] {
  return [...answers.tallies()].map(([channel, endpoint, tally]) => ({ channel, endpoint, ...tally }));
}

const NO_LANE: FastLane['counters'] = { answered: 0, handedOver: 0 };

const NOTHING: PollCounts = {
  tallies: [],
  polls: { notFound: 0, methodNotAllowed: 0, unavailable: 0 },
  checkIns: newCheckInCounters(),
  delays: newDelayCounts(),
  fastLane: NO_LANE,
};

/** The counts of several processes together. */
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

/** Adds the numbers of two objects of one shape; what is no number is the first's. */
function addFields<T extends object>(a: T, b: T | undefined): T {
  const sums = Object.entries(a).map(([name, value]) => {
    const other = b?.[name as keyof T];
    return [name, typeof value === 'number' && typeof other === 'number' ? value + other : value];
  });
  return Object.fromEntries(sums) as T;
}
