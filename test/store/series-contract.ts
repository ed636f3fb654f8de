import { describe, expect, it } from 'vitest';
import type { Point } from '../../src/domain/series.ts';
import type { Store } from '../../src/domain/store.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 0, 2);

const point = (at: number): Point => ({ at, agents: 5, atTarget: 3, behind: 2, stranded: 1 });

export function seriesContract(getStore: () => Store): void {
  describe('time series', () => {
    const times = async (channel: string, resolution: 'minute' | 'hour') =>
      (await getStore().series(channel, resolution)).map(({ at }) => (at - START) / MINUTE);
    const lead = async () => (await getStore().acquireLease('one', 10 * MINUTE)) ?? 0;

    it('start empty and keep the values of a point', async () => {
      expect(await times('a', 'minute')).toEqual([]);
      await getStore().savePoint('a', point(START), await lead());
      expect(await getStore().series('a', 'minute')).toEqual([point(START)]);
      expect(await getStore().series('a', 'hour')).toEqual([point(START)]);
      expect(await times('a/b', 'minute')).toEqual([]);
    });

    it('keep one point a minute and one an hour, even if more are saved', async () => {
      const fence = await lead();
      for (const at of [0, 20_000, MINUTE - 1, MINUTE, 5 * MINUTE, 4 * MINUTE, HOUR - 1, HOUR]) {
        await getStore().savePoint('a', point(START + at), fence);
      }
      expect(await times('a', 'minute')).toEqual([0, 1, 5, 60 - 1 / MINUTE, 60]);
      expect(await times('a', 'hour')).toEqual([0, 60]);
    });

    it('keep at most a day of minutes', async () => {
      const fence = await lead();
      const many = 24 * 60 + 30;
      for (let n = 0; n < many; n++) await getStore().savePoint('a', point(START + n * MINUTE), fence);
      expect(await times('a', 'minute')).toEqual(Array.from({ length: 24 * 60 }, (_, n) => n + 30));
      expect(await times('a', 'hour')).toHaveLength(25);
    }, 60_000);

    it('accept nothing from a leader with an old fence', async () => {
      const fence = await lead();
      await getStore().releaseLease('one');
      await getStore().savePoint('a', point(START), fence);
      expect(await times('a', 'minute')).toEqual([]);
    });
  });
}
