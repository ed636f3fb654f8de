import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  type AuditDraft,
  type AuditEntry,
  type AuditHead,
  digestOf,
  follows,
  GENESIS,
} from '../../src/domain/audit.ts';
import { applyDifference, type Snapshot, stateOf, takeSnapshot } from '../../src/domain/snapshot.ts';
import type { AuditQuery, CommitResult, Guard, Store, Write } from '../../src/domain/store.ts';
import type { Harness } from './contract.ts';

const draft = (subject = 'channel/a'): AuditDraft => ({
  at: '2026-01-02T03:04:05.678Z',
  actor: 'token:ci',
  action: 'roll-forward',
  subject,
  reason: 'it is time',
  before: null,
  after: { target: '17.4.2' },
});

const write = (key: string, ifRevision: number, value: object | null = { key }): Write => ({ key, ifRevision, value });

const commit = (store: Store, ...writes: Write[]) => store.commit({ writes, audit: draft(writes[0]?.key) });

async function revisionAfter(store: Store, ...writes: Write[]): Promise<number> {
  const result = await commit(store, ...writes);
  if (!isWin(result)) throw new Error(`not committed: ${JSON.stringify(result)}`);
  return result.entry.revision;
}

/** Checks that the whole log, oldest first, is one chain from its beginning. */
async function expectUnbrokenChain(store: Store, length: number): Promise<void> {
  const entries = (await store.audit({ limit: length + 10 })).reverse();
  expect(entries.map(({ id }) => id)).toEqual(Array.from({ length }, (_, index) => index + 1));
  let head: AuditHead = GENESIS;
  for (const entry of entries) {
    expect(follows(head, entry), `entry ${entry.id} follows`).toBe(true);
    head = entry;
  }
}

const isWin = (result: CommitResult): result is { entry: AuditEntry } => 'entry' in result;

export function controlContract(getStore: () => Store, harness: Harness): void {
  describe('control data', () => {
    it('starts empty, at revision 0', async () => {
      const store = getStore();
      expect(await store.load()).toEqual({ revision: 0, hash: GENESIS.hash, documents: [] });
      expect(await store.revision()).toBe(0);
      expect(await store.audit({ limit: 10 })).toEqual([]);
    });

    it('creates, updates and deletes documents', async () => {
      const store = getStore();
      const created = await revisionAfter(store, write('channel/b', 0, { n: 1 }), write('channel/a', 0, { n: 2 }));
      expect(await store.load()).toEqual({
        revision: 1,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        documents: [
          { key: 'channel/a', revision: 1, value: { n: 2 } },
          { key: 'channel/b', revision: 1, value: { n: 1 } },
        ],
      });
      const updated = await revisionAfter(
        store,
        write('channel/b', created, { n: 3 }),
        write('channel/a', created, null),
      );
      expect(await store.load()).toEqual({
        revision: 2,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        documents: [{ key: 'channel/b', revision: updated, value: { n: 3 } }],
      });
    });

    it('allows a deleted key to be created again', async () => {
      const store = getStore();
      await revisionAfter(store, write('channel/a', 0));
      await revisionAfter(store, write('channel/a', 1, null));
      expect(await commit(store, write('channel/a', 1))).toEqual({ conflict: 'channel/a' });
      expect(await revisionAfter(store, write('channel/a', 0))).toBe(3);
    });

    it('names the conflicting key and then changes nothing', async () => {
      const store = getStore();
      await revisionAfter(store, write('channel/a', 0), write('channel/b', 0));
      const before = await store.load();
      for (const stale of [
        write('channel/b', 0),
        write('channel/b', 2),
        write('channel/b', 0, null),
        write('channel/c', 1),
      ]) {
        const result = await commit(store, write('channel/a', 1, { new: true }), stale, write('channel/d', 0));
        expect(result).toEqual({ conflict: stale.key });
      }
      expect(await store.load()).toEqual(before);
      expect(await store.revision()).toBe(1);
      expect(await store.audit({ limit: 10 })).toHaveLength(1);
      expect(await store.audit({ key: 'channel/d', limit: 10 })).toEqual([]);
    });

    it('refuses a commit if the log lacks the entry that the change was based on', async () => {
      const store = getStore();
      await revisionAfter(store, write('channel/a', 0));
      await revisionAfter(store, write('channel/b', 0));
      const { hash } = await store.load();
      const [, first] = await store.audit({ limit: 2 });
      const based = (base: AuditHead) => store.commit({ writes: [], audit: draft(), base });
      for (const base of [
        { id: 2, hash: 'f'.repeat(64) },
        { id: 1, hash: hash ?? '' },
        { id: 3, hash: hash ?? '' },
      ]) {
        expect(await store.since(base, [])).toBe('lost');
        expect(await based(base)).toEqual({ lost: true });
      }
      expect(await store.revision()).toBe(2);
      for (const base of [GENESIS, { id: 1, hash: first?.hash ?? '' }, { id: 2, hash: hash ?? '' }]) {
        expect(await store.since(base, [])).not.toBe('lost');
        expect(isWin(await based(base))).toBe(true);
      }
    });

    it('checks a guarded document without writing it', async () => {
      const store = getStore();
      await revisionAfter(store, write('release/a', 0), write('channel/a', 0));
      const before = await store.load();
      const commitGuarded = (...guards: Guard[]) =>
        store.commit({ writes: [write('channel/a', 1, { new: true })], guards, audit: draft() });

      const seen = { key: 'release/a', ifRevision: 1 };
      const absent = { key: 'release/none', ifRevision: 0 };
      for (const stale of [
        { key: 'release/a', ifRevision: 0 },
        { key: 'release/a', ifRevision: 2 },
        { key: 'release/none', ifRevision: 1 },
      ]) {
        expect(await commitGuarded(seen, absent, stale)).toEqual({ conflict: stale.key });
      }
      expect(await store.load()).toEqual(before);

      expect(isWin(await commitGuarded(seen, absent))).toBe(true);
      const { documents } = await store.load();
      expect(documents.map(({ key, revision }) => [key, revision])).toEqual([
        ['channel/a', 2],
        ['release/a', 1],
      ]);
      expect(await store.audit({ key: 'release/a', limit: 10 })).toHaveLength(1);
    });

    it('answers the documents that are asked for, also if nothing was written since', async () => {
      const store = getStore();
      await revisionAfter(store, write('channel/a', 0, { n: 1 }), write('channel/b', 0, { n: 2 }));
      const { revision, hash } = await store.load();
      const head = { id: revision, hash: hash ?? '' };
      expect(await store.since(head, [])).toEqual({ revision, hash, documents: [], gone: [] });
      const documents = [{ key: 'channel/b', revision: 1, value: { n: 2 } }];
      expect(await store.since(head, ['channel/none', 'channel/b'])).toEqual({
        revision,
        hash,
        documents,
        gone: ['channel/none'],
      });
    });

    it('answers what turns any earlier state into the present one, or that everything must be loaded', async () => {
      const oneWrite = fc.record({ key: fc.constantFrom('channel/a', 'channel/b', 'odd "]', 'x'), gone: fc.boolean() });
      const changes = fc.array(fc.uniqueArray(oneWrite, { maxLength: 3, selector: ({ key }) => key }), {
        minLength: 1,
        maxLength: 10,
      });
      await fc.assert(
        fc.asyncProperty(changes, async (sequence) => {
          const store = await harness.fresh();
          const states = [takeSnapshot(await store.load())];
          for (const [n, change] of sequence.entries()) {
            const { documents } = states.at(-1) as Snapshot;
            const revisionOf = (key: string) => documents.get(key)?.revision ?? 0;
            const writes = change.map(({ key, gone }) => write(key, revisionOf(key), gone ? null : { n }));
            await revisionAfter(store, ...writes);
            states.push(takeSnapshot(await store.load()));
          }
          const last = stateOf(states.at(-1) as Snapshot);
          for (const state of states) {
            const found = await store.since({ id: state.revision, hash: state.hash ?? '' }, []);
            if (typeof found === 'object') expect(stateOf(applyDifference(state, found))).toEqual(last);
            else expect([found, store.kind, state.revision === last.revision]).toEqual(['all', 'embedded', false]);
          }
          await store.close();
        }),
        { numRuns: 15 },
      );
    });

    it('returns the entry that the log then contains', async () => {
      const store = getStore();
      const result = await commit(store, write('channel/a', 0));
      expect(result).toEqual({
        entry: {
          ...{ ...draft(), id: 1, revision: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
          writes: { 'channel/a': digestOf({ key: 'channel/a' }) },
        },
      });
      expect(await store.audit({ limit: 1 })).toEqual([isWin(result) && result.entry]);
    });

    it('counts a change that writes nothing', async () => {
      const store = getStore();
      expect(await revisionAfter(store)).toBe(1);
      expect((await store.load()).revision).toBe(1);
    });

    it('pages through the audit log, newest first', async () => {
      const store = getStore();
      for (let n = 0; n < 7; n++) await revisionAfter(store, write(`channel/${n}`, 0));
      const ids = async (before: number | undefined, limit: number) =>
        (await store.audit({ before, limit })).map(({ id }) => id);
      expect(await ids(undefined, 3)).toEqual([7, 6, 5]);
      expect(await ids(5, 3)).toEqual([4, 3, 2]);
      expect(await ids(2, 3)).toEqual([1]);
      expect(await ids(1, 3)).toEqual([]);
      expect(await ids(1000, 2)).toEqual([7, 6]);
    });

    it('pages through the audit log of one key', async () => {
      const store = getStore();
      // A key that starts with another key, and a key that is written together with it.
      await revisionAfter(store, write('channel/a', 0), write('channel/b', 0));
      await revisionAfter(store, write('channel/a/b', 0));
      await revisionAfter(store, write('channel/a', 1));
      await revisionAfter(store, write('channel/b', 1));
      await revisionAfter(store, write('channel/a', 3, null));
      const ids = async (key: string, before?: number, limit = 10) =>
        (await store.audit({ key, before, limit })).map(({ id }) => id);
      expect(await ids('channel/a')).toEqual([5, 3, 1]);
      expect(await ids('channel/a', 5)).toEqual([3, 1]);
      expect(await ids('channel/a', undefined, 2)).toEqual([5, 3]);
      expect(await ids('channel/a', 4, 1)).toEqual([3]);
      expect(await ids('channel/a/b')).toEqual([2]);
      expect(await ids('channel/b')).toEqual([4, 1]);
      expect(await ids('channel/none')).toEqual([]);
    });

    it('returns the documents under some keys', async () => {
      const store = getStore();
      for (const key of ['a', 'b', 'c']) await revisionAfter(store, write(`channel/${key}`, 0));
      const { documents, bad } = await store.documents(['channel/c', 'channel/none', 'channel/a']);
      expect(new Map(documents.map((document) => [document.key, document]))).toEqual(
        new Map([
          ['channel/a', { key: 'channel/a', revision: 1, value: { key: 'channel/a' } }],
          ['channel/c', { key: 'channel/c', revision: 3, value: { key: 'channel/c' } }],
        ]),
      );
      expect(bad ?? []).toEqual([]);
      expect((await store.documents([])).documents).toEqual([]);
    });

    it('archives the oldest entries, and still holds their hashes', async () => {
      const store = getStore();
      for (let n = 0; n < 6; n++) await revisionAfter(store, write('channel/a', n), write(`channel/${n}`, 0));
      const entries = (await store.audit({ limit: 10 })).reverse();
      const before = await store.load();
      expect(await store.anchor()).toEqual(GENESIS);

      expect(await store.archive(GENESIS, entries.slice(0, 2))).toBe(true);
      expect(await store.archive(GENESIS, entries.slice(0, 2))).toBe(false);
      const [, second, , fourth] = entries as [AuditEntry, AuditEntry, AuditEntry, AuditEntry];
      expect(await store.archive({ ...second, hash: fourth.hash }, entries.slice(2, 4))).toBe(false);
      expect(await store.anchor()).toEqual({ id: 2, hash: second.hash });
      expect(await store.archive(second, entries.slice(2, 4))).toBe(true);
      expect(await store.anchor()).toEqual({ id: 4, hash: fourth.hash });

      const ids = async (query: Partial<AuditQuery>) =>
        (await store.audit({ limit: 10, ...query })).map(({ id }) => id);
      expect(await ids({})).toEqual([6, 5]);
      expect(await ids({ before: 4 })).toEqual([]);
      expect(await ids({ key: 'channel/a' })).toEqual([6, 5]);
      expect(await ids({ key: 'channel/1' })).toEqual([]);
      expect(await store.since(second, [])).not.toBe('lost');
      expect(await store.since({ ...second, hash: fourth.hash }, [])).toBe('lost');
      expect(await store.load()).toEqual(before);

      expect(await store.archive(fourth, entries.slice(4))).toBe(true);
      expect(await store.revision()).toBe(6);
      expect(await revisionAfter(store, write('channel/new', 0))).toBe(7);
      const [newest] = await store.audit({ limit: 10 });
      expect(newest && follows(await store.anchor(), newest)).toBe(true);
    });

    it('keeps unusual characters unchanged', async () => {
      const store = getStore();
      const odd = 'quotes " \' ` \\ back\\\\slash, tab\t, line\n, nul \u0000, ünïcödé 漢字 🚢, %s {x}, half \ud83d';
      const value = { description: odd, [odd]: [odd, { deep: odd }], empty: {}, none: [], n: 0.1, big: 2 ** 53 };
      const key = 'channel/ünï "x" 🚢';
      const result = await store.commit({
        writes: [write(key, 0, value)],
        audit: { ...draft(key), reason: odd, after: value },
      });
      expect(isWin(result)).toBe(true);
      expect((await store.load()).documents).toEqual([{ key, revision: 1, value }]);
      const [entry] = await store.audit({ key, limit: 1 });
      expect(entry).toMatchObject({ reason: odd, after: value });
      await expectUnbrokenChain(store, 1);
    });

    it('keeps the chain when an entry leaves a field out', async () => {
      const store = getStore();
      await store.commit({
        writes: [],
        audit: { ...draft(), before: undefined, after: { a: undefined, b: null, at: new Date(0) } },
      });
      await revisionAfter(store, write('channel/a', 0));
      await expectUnbrokenChain(store, 2);
    });

    it('accepts concurrent commits to different keys, in one unbroken chain', async () => {
      const store = getStore();
      const other = await harness.again();
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, n) => commit(n % 2 ? store : other, write(`channel/${n}`, 0))),
      );
      expect(results.every(isWin)).toBe(true);
      expect((await store.load()).documents).toHaveLength(50);
      await expectUnbrokenChain(store, 50);
      await other.close();
    });

    it('lets exactly one of concurrent commits to the same key win', async () => {
      const store = getStore();
      const other = await harness.again();
      const seen = await revisionAfter(store, write('channel/a', 0));
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, n) => commit(n % 2 ? store : other, write('channel/a', seen, { n }))),
      );
      expect(results.filter(isWin)).toHaveLength(1);
      expect(results.filter((result) => !isWin(result))).toEqual(Array(49).fill({ conflict: 'channel/a' }));
      expect((await store.load()).documents[0]?.value).toEqual({ n: results.findIndex(isWin) });
      expect(await store.revision()).toBe(2);
      await other.close();
    });

    it('keeps after a restart what it acknowledged', async () => {
      const store = getStore();
      await revisionAfter(store, write('channel/a', 0));
      const before = await store.load();
      await store.close();
      const again = await harness.again();
      expect(await again.load()).toEqual(before);
      expect(await revisionAfter(again, write('channel/b', 0))).toBe(2);
      await expectUnbrokenChain(again, 2);
      await again.close();
    });

    it('passes on which head another server serves, if there can be another one', async () => {
      const store = getStore();
      const other = await harness.again();
      const head = { id: 7, hash: 'a'.repeat(64) };
      let roused = 0;
      store.onChange(() => roused++);
      const canBeOthers = await other.rouse();
      expect(canBeOthers).toBe(store.kind === 'redis');
      // A store that has just connected calls back for that, too.
      if (canBeOthers) await vi.waitFor(async () => expect((await other.rouse()) && roused).toBeGreaterThan(1));

      expect(await other.announced()).toBeNull();
      await store.announce(head, 60_000);
      expect(await other.announced()).toEqual(canBeOthers ? head : null);
      await store.announce({ ...head, id: 8 }, 1);
      await vi.waitFor(async () => expect(await other.announced()).toBeNull());
      await other.close();
    });

    it('agrees with a plain map, whatever is written', async () => {
      const key = fc.constantFrom('a', 'b', 'c', 'd');
      const oneWrite = fc.record({
        key,
        stale: fc.nat(5).map((n) => n === 0),
        value: fc.option(fc.dictionary(fc.string(), fc.jsonValue())),
      });
      const changes = fc.array(fc.uniqueArray(oneWrite, { maxLength: 3, selector: (each) => each.key }), {
        maxLength: 15,
      });
      await fc.assert(
        fc.asyncProperty(changes, async (sequence) => {
          const store = await harness.fresh();
          const model = new Map<string, { revision: number; value: unknown }>();
          let revision = 0;
          for (const change of sequence) {
            const writes = change.map(({ key, stale, value }) =>
              write(key, (model.get(key)?.revision ?? 0) + (stale ? 1 : 0), value),
            );
            const conflict = change.find(({ stale }) => stale);
            const result = await commit(store, ...writes);
            expect(isWin(result)).toBe(!conflict);
            if (conflict) {
              expect(result).toEqual({ conflict: conflict.key });
              continue;
            }
            revision++;
            for (const { key, value } of writes) {
              if (value) model.set(key, { revision, value: JSON.parse(JSON.stringify(value)) });
              else model.delete(key);
            }
          }
          const documents = [...model].map(([key, document]) => ({ key, ...document }));
          expect(await store.load()).toMatchObject({
            revision,
            documents: documents.sort((a, b) => (a.key < b.key ? -1 : 1)),
          });
          await expectUnbrokenChain(store, revision);
          await store.close();
        }),
        { numRuns: 30 },
      );
    });
  });
}
