import { expect, it, onTestFinished } from 'vitest';
import { createChannel, DEFAULT_SETTINGS } from '../../src/domain/channel.ts';
import { applyInSteps, channelKey, type Snapshot, takeSnapshot } from '../../src/domain/snapshot.ts';
import type { Document } from '../../src/domain/store.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { createAnswers } from '../../src/http/answers.ts';
import { createServing } from '../../src/service/serving.ts';

const ACT = { by: 'test', at: new Date('2026-11-27T12:00:00Z'), reason: '' };
const nameOf = (n: number) => `many/c${n}`;

/** The documents of `count` channels that serve `version`. */
const documents = (count: number, version: string, revision: number): Document[] =>
  Array.from({ length: count }, (_, n) => {
    const value = createChannel(nameOf(n), { ...DEFAULT_SETTINGS }, requireVersion(version), ACT);
    return { key: channelKey(nameOf(n)), revision, value };
  });

const change = (count: number, version: string, revision: number) =>
  function* (served: Snapshot | null) {
    if (served?.revision !== revision - 1) return null;
    const difference = { revision, hash: null, documents: documents(count, version, revision), gone: [] };
    return yield* applyInSteps(served, difference);
  };

function serve(channels: number) {
  const serving = createServing(takeSnapshot({ revision: 1, hash: null, documents: documents(channels, '16.4.6', 1) }));
  const answers = createAnswers({
    state: { ...serving, age: () => 0 },
    staleness: { saidAfter: 86_400_000, withheldAfter: 86_400_000 },
    cluster: { clusterName: 'test', edition: null, fips: false, toolsAutoUpdate: false },
    membership: { defaultChannel: nameOf(0), groups: {} },
    now: () => ACT.at,
  });
  onTestFinished(answers.close);
  /** What the API and agents of the first, middle and last channel get now. */
  const seen = () => {
    const names = [0, Math.floor(channels / 2), channels - 1].map(nameOf);
    return [
      ...new Set([
        ...names.map((name) => `v${serving.peek()?.channels.get(name)?.target}`),
        ...names.map((name) => answers.byPath(`/v1/${name}/version`)?.body),
        ...names.map((name) => JSON.parse(answers.find(name, 'find')?.body ?? '').auto_update.agent_version),
      ]),
    ].map((version) => `v${version}`.replace('vv', 'v'));
  };
  return { serving, seen: () => [...new Set(seen())] };
}

/** Counts the turns of the event loop until `done`, and collects what is seen in each of them. */
async function turnsUntil(done: Promise<unknown>, look: () => string[]): Promise<{ turns: number; seen: Set<string> }> {
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  const seen = new Set([look().join(' and ')]);
  await Promise.resolve();
  let turns = 0;
  for (; !isDone; turns++) {
    await new Promise((resolve) => void setImmediate(resolve));
    seen.add(look().join(' and '));
  }
  return { turns, seen };
}

it('serves a large change in many turns, and shows all of it or nothing in each', async () => {
  const { serving, seen } = serve(5_000);
  const { turns, seen: all } = await turnsUntil(serving.serve(change(5_000, '16.4.7', 2)), seen);
  expect([...all]).toEqual(['v16.4.6', 'v16.4.7']);
  expect(turns).toBeGreaterThan(5);
});

it('takes more turns for more documents, and hardly any for few', async () => {
  const few = serve(10);
  expect((await turnsUntil(few.serving.serve(change(10, '16.4.7', 2)), few.seen)).turns).toBeLessThanOrEqual(2);

  const turns: number[] = [];
  for (const channels of [2_000, 8_000]) {
    const { serving, seen } = serve(channels);
    turns.push((await turnsUntil(serving.serve(change(channels, '16.4.7', 2)), seen)).turns);
  }
  expect(turns[1], `turns: ${turns}`).toBeGreaterThan(2 * (turns[0] as number));
});

it('serves changes in the order in which they came, also while a large one is prepared', async () => {
  const { serving, seen } = serve(3_000);
  const revisions: number[] = [];
  serving.onChange(({ revision }) => revisions.push(revision));
  const large = serving.serve(change(3_000, '16.4.7', 2));
  const small = serving.serve(change(1, '16.4.8', 3));
  // One that does not follow any more changes nothing.
  const late = serving.serve(change(1, '16.4.9', 2));
  expect(seen()).toEqual(['v16.4.6']);
  expect(await Promise.all([large, small, late])).toEqual([true, true, false]);
  expect(revisions).toEqual([2, 3]);
  expect(seen()).toEqual(['v16.4.8', 'v16.4.7']);
});

it('goes on after a change that cannot be prepared', async () => {
  const { serving, seen } = serve(10);
  const stop = serving.onNext(() => {
    throw new Error('not this one');
  });
  await expect(serving.serve(change(10, '16.4.7', 2))).rejects.toThrow('not this one');
  expect(seen()).toEqual(['v16.4.6']);
  stop();
  expect(await serving.serve(change(10, '16.4.7', 2))).toBe(true);
  expect(seen()).toEqual(['v16.4.7']);
});
