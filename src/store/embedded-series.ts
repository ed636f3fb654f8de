import { isDue, RESOLUTIONS, type Resolution } from '../domain/series.ts';
import type { SeriesRecords } from '../domain/store.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';
import { packPoint, unpackPoint } from './points.ts';

/** Points by channel and time. A deleted channel leaves its points behind, at most 3,600. */
type Series = Table<string, [string, number]>;

/** The time series on LMDB. */
export function embeddedSeries(files: EmbeddedFiles, isFenced: IsFenced): SeriesRecords {
  const tables: Record<Resolution, Series> = { minute: files.table('minutes'), hour: files.table('hours') };

  return {
    savePoint: (channel, point, fence) =>
      files.write(() => {
        if (isFenced(fence)) return;
        for (const [resolution, table] of Object.entries(tables) as [Resolution, Series][]) {
          const [last] = table.entries({
            start: [channel, Number.MAX_SAFE_INTEGER],
            end: [channel, 0],
            reverse: true,
            limit: 1,
          });
          if (!isDue(resolution, point.at, last?.key[1])) continue;
          table.put([channel, point.at], packPoint(point));
          const { every, keep } = RESOLUTIONS[resolution];
          const old = table.entries({ start: [channel, 0], end: [channel, point.at - every * keep + 1] });
          for (const { key } of old) table.remove(key);
        }
      }),

    series: (channel, resolution) =>
      files.read(() =>
        tables[resolution]
          .entries({ start: [channel, 0], end: [channel, Number.MAX_SAFE_INTEGER] })
          .map(({ value }) => unpackPoint(value)),
      ),
  };
}
