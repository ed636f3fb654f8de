import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHistories } from '../support/fleet-history.ts';
import { assertHistories, history } from '../support/histories.ts';

/** About 30 ms of CPU time each. HISTORIES=3000 looks farther, SEED=2 elsewhere. */
const numRuns = Number(process.env.HISTORIES ?? 150);
const EMBEDDED = { stores: 'the embedded store', kinds: ['embedded'], numRuns } as const;
/** A sweep or a page of Redis reads all of its buckets, whatever is in them. */
const BOTH = { stores: 'both stores', kinds: ['embedded', 'redis'], numRuns: Math.ceil(numRuns / 20) } as const;

describe.each([
  { mode: 'token', ...EMBEDDED },
  { mode: 'open', ...EMBEDDED },
  { mode: 'token', ...BOTH },
  { mode: 'open', ...BOTH },
] as const)('with enrolment $mode on $stores', ({ mode, kinds, numRuns }) => {
  let histories: Awaited<ReturnType<typeof openHistories>>;
  beforeAll(async () => {
    histories = await openHistories(mode, kinds);
  });
  afterAll(() => histories.close());

  it('explain, agents, census, checks of channels and of control planes agree with the paper', async () => {
    const property = fc.asyncProperty(history, async (steps) => {
      const { take, faces } = await histories.begin();
      for (const step of steps) await take(step);
      const { paper, stores } = await faces();
      for (const { kind, faces: given } of stores) expect(given, kind).toEqual(paper);
    });
    await assertHistories(property, numRuns);
  }, 600_000);
});
