import { expect, it, vi } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';

const HOUR = 3_600_000;
const OLD = '16.4.7';

/**
 * A stage whose channel has two groups soaks for an hour, by a clock that the test sets; another stage comes after it.
 */
async function soaking() {
  let ahead = 0;
  const started = await startStages(
    [openStage('canary'), openStage('internal')],
    {
      leader: { plansEvery: '20ms' },
      bootstrap: {
        channels: [
          { name: 'canary', target: OLD, rollout: { groups: [{ name: 'dev' }, { name: 'prod' }] } },
          { name: 'internal', target: OLD },
        ],
      },
    },
    { now: () => new Date(Date.now() + ahead) },
  );
  const api = operatorClient(started.server);
  /** Again if the leader took a step in between. */
  const post = (verb: string, body: object = {}) =>
    vi.waitFor(async () =>
      expect(await api('POST', `/channels/canary/${verb}`, { reason: 'test', ...body })).toMatchObject({ status: 200 }),
    );
  const later = (ms: number) => {
    ahead += ms;
  };
  /** Ends each group that has begun, as its agents run the target at once. */
  const rollOut = async (version: string) => {
    await vi.waitFor(
      async () => {
        await api('POST', '/inventory?channel=canary&complete=true', [instance(1, version)]);
        expect((await api('GET', '/channels/canary/rollout')).body).toMatchObject({ to: version, state: 'done' });
      },
      { timeout: 10_000, interval: 50 },
    );
  };
  await started.register();
  await vi.waitFor(async () => expect((await api('GET', '/channels/canary')).body.target).toBe(RELEASE));
  await rollOut(RELEASE);
  await started.until('canary', 'soaking');
  const stage = async () => (await started.read()).stages[0];
  const internal = async () => (await api('GET', '/channels/internal')).body.target;
  return { ...started, post, later, rollOut, stage, internal };
}

/** Rounds of the driver go by, and nothing may have come of them. */
const rounds = () => new Promise((resolve) => setTimeout(resolve, 150));

it('a soak ends when a newer release begins to be rolled out, and does not come back when that one goes back', async () => {
  const { post, later, until, read, states, internal } = await soaking();
  await post('roll-forward', { version: FIX });
  await until('canary', 'superseded');
  expect(await read()).toMatchObject({
    supersededBy: FIX,
    stages: [{ ended: { by: 'system:promotion', reason: `canary serves ${FIX}, which is newer` } }, {}],
  });
  await post('rollout/roll-back');
  later(2 * HOUR);
  await rounds();
  expect(await states()).toEqual(['superseded', 'skipped']);
  expect(await internal()).toBe(OLD);
});

it('a soak ends when one group is taken back, and begins again when that group has the release again', async () => {
  const { post, later, rollOut, until, read, act, stage, internal } = await soaking();
  await post('rollout/roll-back', { group: 'prod' });
  await until('canary', 'halted');
  expect((await stage()).halted.reason).toMatch(
    /^canary no longer serves \S+ to all of its groups: the rollout of canary to \S+ is active; see: fairway rollout canary$/,
  );
  later(2 * HOUR);
  await rounds();
  expect((await stage()).state).toBe('halted');

  expect((await act('resume', { dryRun: true })).body.next).toMatch(/canary: moves its channels: .*is active/);
  await act('resume');
  await rounds();
  expect((await stage()).state).toBe('rolling');
  expect((await read()).next).toContain('the rollout of canary to');
  await post('rollout/reset', { group: 'prod' });
  await rollOut(RELEASE);
  await until('canary', 'soaking');
  later(HOUR / 2);
  await rounds();
  expect((await stage()).state).toBe('soaking');
  expect(await internal()).toBe(OLD);
  later(HOUR);
  await until('canary', 'complete');
});

it('a soak ends when its release was away for a moment, whoever looked', async () => {
  const { post, later, until, stage, internal } = await soaking();
  await post('withdraw');
  await post('roll-forward', { version: RELEASE, immediate: true });
  await until('canary', 'halted');
  expect((await stage()).halted.reason).toMatch(/^canary no longer serves/);
  later(2 * HOUR);
  await rounds();
  expect((await stage()).state).toBe('halted');
  expect(await internal()).toBe(OLD);
});
