import { describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import { createVerifier, DOCUMENTS_AT_ONCE, ENTRIES_AT_ONCE } from '../../src/service/audit-verify.ts';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import { temporaryDirectory } from '../support/server.ts';

const ENTRIES = 950;

async function longLog(): Promise<Store> {
  const store = openEmbeddedStore(temporaryDirectory(), { agents: 1, unenrolled: 1 });
  onTestFinished(() => store.close());
  const draft = { at: '2026-03-01T12:00:00.000Z', actor: 'token:ci', action: 'pin', reason: '', before: null };
  const commits = Array.from({ length: ENTRIES }, (_, n) => {
    const key = `channel/${n % 200}`;
    const ifRevision = n < 200 ? 0 : n - 199;
    return store.commit({
      writes: [{ key, ifRevision, value: { n } }],
      audit: { ...draft, subject: key, after: { n } },
    });
  });
  await Promise.all(commits);
  return store;
}

/** Counts the turns that others get while `work` runs, and the longest lists that it asks the store for. */
async function watched(store: Store, work: (store: Store) => Promise<unknown>) {
  const seen = { turns: 0, entries: 0, documents: 0, calls: 0, anchors: 0 };
  let done = false;
  const count = () => {
    seen.turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await work({
    ...store,
    async audit(query) {
      seen.calls++;
      seen.entries = Math.max(seen.entries, query.limit);
      return store.audit(query);
    },
    async anchor() {
      seen.anchors++;
      return store.anchor();
    },
    async documents(keys) {
      seen.calls++;
      seen.documents = Math.max(seen.documents, keys.length);
      return store.documents(keys);
    },
  });
  done = true;
  return seen;
}

describe('verifying a long log', () => {
  it('reads it slice by slice, and lets polls have their turn after each', async () => {
    const store = await longLog();
    const seen = await watched(store, async (slow) => {
      const { intact, entries } = await createVerifier(slow, { peek: () => null }).verify();
      expect({ intact, entries }).toEqual({ intact: true, entries: ENTRIES });
    });
    expect(seen.entries).toBe(ENTRIES_AT_ONCE);
    expect(seen.documents).toBe(DOCUMENTS_AT_ONCE);
    expect(seen.turns).toBeGreaterThanOrEqual(seen.calls - 1);
  });

  it('lets all who ask at once share a run, and refuses too many different ones', async () => {
    const store = await longLog();
    const seen = await watched(store, async (slow) => {
      const verifier = createVerifier(slow, { peek: () => null });
      const states = await Promise.all(Array.from({ length: 50 }, () => verifier.verify()));
      expect(states.every(({ intact }) => intact)).toBe(true);
      const noted = Array.from({ length: 10 }, () => verifier.verify({ id: 1, hash: 'f'.repeat(64) }));
      const results = await Promise.allSettled(noted);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    });
    // One run for the first, one for those who came while it ran, and four; each looks twice for the anchor.
    expect(seen.anchors).toBe(12);
  });
});
