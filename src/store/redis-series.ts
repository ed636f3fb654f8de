import { RESOLUTIONS, type Resolution } from '../domain/series.ts';
import type { SeriesRecords } from '../domain/store.ts';
import { packPoint, unpackPoint } from './points.ts';
import type { RedisClient } from './redis-client.ts';
import { LEASE, seriesKey } from './redis-keys.ts';
import { SAVE_POINT, SERIES } from './redis-scripts/series.ts';

const ALL = Object.keys(RESOLUTIONS) as Resolution[];
/** Milliseconds after its last point for which the series of a deleted channel is kept: as long as it reaches back. */
const ABANDONED = RESOLUTIONS.hour.every * RESOLUTIONS.hour.keep;

/** The time series on Redis. */
export function redisSeries(client: RedisClient): SeriesRecords {
  return {
    async savePoint(channel, point, fence) {
      const keys = ALL.map((resolution) => seriesKey(channel, resolution));
      const shapes = ALL.flatMap((resolution) => [RESOLUTIONS[resolution].every, RESOLUTIONS[resolution].keep]);
      await client.run(SAVE_POINT, [LEASE, ...keys], [fence, point.at, packPoint(point), ABANDONED, ...shapes]);
    },

    async series(channel, resolution) {
      const packed = (await client.run(SERIES, [seriesKey(channel, resolution)])) as string[];
      return packed.map(unpackPoint);
    },
  };
}
