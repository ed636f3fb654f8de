import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import type { Survey } from '../../src/domain/survey.ts';
import type { Harness } from './contract.ts';

const MINUTE = 60_000;
const audit = { at: '', actor: 'system:plan', action: '', subject: '', reason: '', before: null, after: null };
const survey: Survey = {
  channel: 'a',
  source: 'teleport-metrics',
  at: 1,
  readAt: 0,
  scope: 'a',
  complete: true,
  versions: { '1.0.0': 1 },
  unmanaged: {},
  expired: 0,
  unmappedGroups: {},
  readings: [],
  failing: null,
  revision: 0,
};

export function leaseContract(getStore: () => Store, harness: Harness): void {
  describe('the lease on background work', () => {
    const commit = (store: Store, fence: number, key = 'channel/a') =>
      store.commit({ writes: [{ key, ifRevision: 0, value: {} }], audit, fence });

    it('keeps its fence while it is renewed', async () => {
      const store = getStore();
      const fence = await store.acquireLease('one', MINUTE);
      expect(fence).toBeGreaterThan(0);
      expect(await store.acquireLease('one', MINUTE)).toBe(fence);
      expect(await commit(store, fence ?? 0)).toHaveProperty('entry');
    });

    it('goes to the next holder with a higher fence, once it was released', async () => {
      const store = getStore();
      const first = (await store.acquireLease('one', MINUTE)) ?? 0;
      await store.releaseLease('one');
      expect(await store.acquireLease('two', MINUTE)).toBeGreaterThan(first);
    });

    it('cannot be released by another holder', async () => {
      const store = getStore();
      const fence = (await store.acquireLease('one', MINUTE)) ?? 0;
      await store.releaseLease('two');
      expect(await commit(store, fence)).toHaveProperty('entry');
    });

    it('allows no commit and no count with an old fence', async () => {
      const store = getStore();
      const other = await harness.again();
      const fence = (await store.acquireLease('one', MINUTE)) ?? 0;
      await store.releaseLease('one');
      expect(await commit(store, fence), 'after it was released').toEqual({ fenced: true });
      await other.acquireLease('two', MINUTE);
      expect(await commit(store, fence), 'after another took over').toEqual({ fenced: true });
      expect(await store.saveSurvey(survey, fence)).toBe(false);
      expect(await store.load()).toMatchObject({ revision: 0, documents: [] });
      expect((await store.counts()).surveys).toEqual([]);
      await other.close();
    });

    it('accepts counts with the current fence', async () => {
      const store = getStore();
      await store.saveSurvey(survey, (await store.acquireLease('one', MINUTE)) ?? 0);
      expect((await store.counts()).surveys).toEqual([{ ...survey, revision: 1 }]);
    });

    it('does not block operators', async () => {
      const store = getStore();
      await store.acquireLease('one', MINUTE);
      expect(await store.commit({ writes: [], audit })).toHaveProperty('entry');
    });
  });
}
