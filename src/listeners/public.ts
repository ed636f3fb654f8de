import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import { targetsOf } from '../domain/snapshot.ts';
import { stalenessOf } from '../domain/staleness.ts';
import type { FleetRecords } from '../domain/store.ts';
import { type Answers, createAnswers } from '../http/answers.ts';
import { type FastLane, openFastLane } from '../http/fast-lane.ts';
import { PollRequest } from '../http/poll-headers.ts';
import { createPublicApi } from '../http/public.ts';
import { createCheckIns } from '../service/check-ins.ts';
import type { State } from '../service/state.ts';
import type { ServedKeyPair } from './certificate.ts';
import { listen, type OpenLane } from './listen.ts';
import { NO_LANE, type PollCounts } from './poll-counts.ts';
import { samplePollDelay } from './poll-delay.ts';

/** The listener that agents poll, in this process or in several. */
export interface PublicSide {
  url: string;
  counts(): PollCounts;
  /** Does any process answer polls? */
  answers(): boolean;
  /** Serves on for `drain` milliseconds, closes, then writes the pending check-ins. */
  close(drain: number): Promise<void>;
}

export interface PublicSideOptions {
  state: Pick<State, 'peek' | 'onChange' | 'onNext' | 'age'>;
  store: Pick<FleetRecords, 'recordSightings' | 'noteUncounted'>;
  settings: Settings;
  /** Null without built-in TLS. */
  certificate: ServedKeyPair | null;
  now: () => Date;
  /** Seconds that the system's clock is ahead of `now`; left out where `now` is the system's clock. */
  offset?: (() => number) | undefined;
  log: Logger;
}

/** Milliseconds. A poll is a few hundred bytes. */
const REQUEST_TIMEOUT = 10_000;

/** Answers polls in this process. Rejects with `invalid` if the address cannot be used. */
export async function openPublicSide(options: PublicSideOptions): Promise<PublicSide> {
  const { state, store, settings, certificate, now, log } = options;
  const staleness = stalenessOf(settings.store);
  const answers = createAnswers({ state, staleness, cluster: settings.webapi, membership: settings, now });
  const checkIns = createCheckIns({ ...settings.fleet, store, targets: () => targetsOf(state.peek()), now, log });
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
  }).catch(async (error) => {
    answers.close();
    await checkIns.close();
    throw error;
  });
  const delay = samplePollDelay();
  return {
    url: listener.url,
    answers: () => true,
    counts: () => ({
      tallies: readTallies(answers),
      polls: api.counters,
      checkIns: checkIns.counters,
      delays: delay.counts,
      fastLane,
    }),
    async close(drain) {
      await listener.drain(drain);
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
