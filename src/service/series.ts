import { type Point, RESOLUTIONS, type Resolution } from '../domain/series.ts';
import { requireChannel } from '../domain/snapshot.ts';
import type { SeriesRecords } from '../domain/store.ts';
import type { Fleet } from './fleet.ts';
import type { State } from './state.ts';

export interface Series {
  /** Returns the points of the last day, a minute apart, or of the last 90 days, an hour apart; oldest first. */
  read(channel: string, resolution: Resolution): Promise<Point[]>;
  /** Records a point for every channel that has a target. */
  record(fence: number): Promise<void>;
}

export interface SeriesOptions {
  store: SeriesRecords;
  state: Pick<State, 'snapshot'>;
  fleet: Pick<Fleet, 'censuses'>;
  now: () => Date;
}

/** The counts of each channel's agents over time, for charts. */
export function createSeries({ store, state, fleet, now }: SeriesOptions): Series {
  return {
    async read(channel, resolution) {
      requireChannel(state.snapshot(), channel);
      const { every, keep } = RESOLUTIONS[resolution];
      const since = now().getTime() - every * keep;
      return (await store.series(channel, resolution)).filter(({ at }) => at > since);
    },

    async record(fence) {
      const at = now().getTime();
      for (const { channel, agents, distance } of await fleet.censuses()) {
        if (!distance) continue;
        const { atTarget, behind, majorBehind, outOfSupport, stranded } = distance;
        await store.savePoint(
          channel,
          { at, agents, atTarget, behind: behind + majorBehind + outOfSupport, stranded },
          fence,
        );
      }
    },
  };
}
