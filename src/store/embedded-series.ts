import { isDue, RESOLUTIONS, type Resolution } from '../domain/series.ts';
import type { SeriesRecords } from '../domain/store.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';
import { packPoint, unpackPoint } from './points.ts';

/** Points by channel and time. */
type Series = Table<string, [string, number]>;

/** The time series on LMDB. */
export function embeddedSeries(files: EmbeddedFiles, isFenced: IsFenced): SeriesRecords {
  const tables: Record<Resolution, Series> = { minute: files.table('minutes'), hour: files.table('hours') };

  const sweeps = { minute: sweeper(tables.minute), hour: sweeper(tables.hour) };

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
          sweeps[resolution](point.at - every * keep);
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

/** Returns what looks at the next channel each time, and forgets its points if they all are before `since`. */
function sweeper(table: Series): (since: number) => void {
  let at = '';
  return (since) => {
    const [next] = table.keys({ start: [at, Number.MAX_SAFE_INTEGER], limit: 1 });
    at = next?.[0] ?? '';
    const range = { start: [at, Number.MAX_SAFE_INTEGER], end: [at, 0], reverse: true };
    const [last] = table.keys({ ...range, limit: 1 });
    // A deleted channel gets no more points.
    if (last && last[1] < since) for (const key of table.keys(range)) table.remove(key);
  };
}
