import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SCHEMA, SCHEMA_KEY } from '../../src/domain/schema.ts';
import { takeSnapshot } from '../../src/domain/snapshot.ts';
import type { ControlState } from '../../src/domain/store.ts';
import { followStore } from '../../src/service/follow-store.ts';
import { createServing } from '../../src/service/serving.ts';
import { readLogs } from '../support/process.ts';

/** A state whose hash names its history. */
function stateAt(revision: number, history: string, form = SCHEMA, ...documents: ControlState['documents']) {
  const schema = { key: SCHEMA_KEY, revision: 1, value: { form } };
  return { revision, hash: `${history}-${revision}`, documents: [schema, ...documents] };
}

/** Follows a store that holds what the test puts there; null while it is away. */
async function followed(first: ControlState | null, copy: ControlState | null = null) {
  let stored = first;
  const mirror = createServing(copy && takeSnapshot(copy));
  let logged = '';
  const held = () => {
    if (stored) return stored;
    throw new Error('the store is away');
  };
  const follower = await followStore({
    store: {
      load: async () => held(),
      revision: async () => held().revision,
      since: async ({ id, hash }) => {
        const { revision, hash: head } = held();
        if (revision < id || head?.split('-')[0] !== hash.split('-')[0]) return 'lost';
        return revision > id ? 'all' : { revision, hash: head, documents: [], gone: [] };
      },
      audit: async () => [],
      commit: vi.fn(),
      onChange() {},
      announce: async () => {},
    },
    mirror,
    confirmed: null,
    onConfirmed() {},
    compareEvery: 3_600_000,
    now: () => new Date(),
    log: pino(
      {},
      new PassThrough().on('data', (chunk) => (logged += chunk)),
    ),
  });
  onTestFinished(() => follower.close());
  return {
    follower,
    state: () => ({ ...follower.storeState(), served: mirror.peek()?.hash ?? null }),
    async put(next: ControlState | null) {
      stored = next;
      await follower.refresh();
    },
    messages: () => readLogs(logged).map(({ msg }) => msg),
  };
}

it('serves what the store holds, and keeps serving it while the store is away', async () => {
  const { state, put, follower, messages } = await followed(stateAt(3, 'a'));
  expect(state()).toEqual({ is: 'up', served: 'a-3' });
  await put(stateAt(4, 'a'));
  expect(state()).toEqual({ is: 'up', served: 'a-4' });
  await put(null);
  await put(null);
  expect(state()).toEqual({ is: 'away', served: 'a-4' });
  await put(stateAt(5, 'a'));
  expect(state()).toEqual({ is: 'up', served: 'a-5' });
  expect(follower.age()).toBeLessThan(10_000);
  expect(messages()).toEqual(['the store is away; the last state is served, changes are refused', 'the store is back']);
});

it('serves the saved copy until the store answers, and then takes the state of the store', async () => {
  const { state, put, follower } = await followed(null, stateAt(3, 'a'));
  expect(state()).toEqual({ is: 'away', served: 'a-3' });
  expect(follower.age()).toBe(Number.POSITIVE_INFINITY);
  await put(stateAt(3, 'a', SCHEMA, { key: 'channel/x', revision: 3, value: { name: 'x' } }));
  expect(state()).toEqual({ is: 'up', served: 'a-3' });
});

it.each([
  ['fewer changes', stateAt(2, 'a'), 2],
  ['other changes', stateAt(4, 'b'), 4],
])('does not serve a store with %s, until it holds the served history again', async (_, other, stored) => {
  const { state, put, messages } = await followed(stateAt(3, 'a'));
  await put(other);
  expect(state()).toEqual({ is: 'lost', loss: { served: 3, stored }, served: 'a-3' });
  await put(null);
  expect(state()).toMatchObject({ is: 'lost', served: 'a-3' });
  await put(stateAt(3, 'a'));
  expect(state()).toEqual({ is: 'up', served: 'a-3' });
  expect(messages()).toEqual([expect.stringContaining('the store has lost changes'), 'the store is back']);
});

it.each([
  ['serves', 'made at its revision or a later one', 3, 'up', 'b-5'],
  ['does not serve', 'made at an earlier revision', 2, 'lost', 'a-3'],
])('%s another history after a decision %s', async (_, _when, revision, is, served) => {
  const { state, put } = await followed(stateAt(3, 'a'));
  const decision = { keep: 'stored', revision, by: 'token:admin', at: '2026-11-27T12:00:00.000Z', reason: 'test' };
  await put(stateAt(5, 'b', SCHEMA, { key: 'recovery', revision: 5, value: decision }));
  expect(state()).toMatchObject({ is, served });
});

it('stays outdated after a newer release has upgraded the state', async () => {
  const { state, put, messages } = await followed(stateAt(3, 'a'));
  await put(stateAt(4, 'a', SCHEMA + 1));
  await put(null);
  await put(stateAt(2, 'b'));
  expect(state()).toMatchObject({ is: 'outdated', served: 'a-3' });
  expect(messages()).toEqual([expect.stringContaining('a newer release upgraded the state')]);
});
