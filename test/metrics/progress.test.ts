import { expect, it, vi } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { scrape } from '../support/scrape.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer } from '../support/server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const HOUR = 3_600_000;

/** A clock that only moves when it is set forward. */
function stoppedClock(start: string) {
  let at = Date.parse(start);
  return {
    now: () => new Date(at),
    seconds: () => at / 1000,
    forward: (ms: number) => {
      at += ms;
    },
  };
}

/** The series of a metric as `[labels, value]`. */
async function read(server: TestServer, metric: string) {
  const { series } = await scrape(server);
  return series.filter(({ name }) => name === metric).map(({ labels, value }) => [labels, value]);
}

it('shows since when a channel is critical or pinned, and nothing after that', async () => {
  const clock = stoppedClock('2026-05-01T10:00:00Z');
  const server = await startServer(QUICKSTART, { now: clock.now });
  const api = operatorClient(server);
  const [critical, pin] = ['fairway_channel_critical_timestamp_seconds', 'fairway_channel_pin_timestamp_seconds'];
  expect([await read(server, critical), await read(server, pin)]).toEqual([[], []]);

  const marked = clock.seconds();
  await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE' });
  clock.forward(HOUR);
  const pinned = clock.seconds();
  const [criticalUntil, pinUntil] = [critical, pin].map((name) => name.replace('_timestamp', '_until_timestamp'));
  await api('POST', `${CHANNEL}/pin`, { reason: 'x', until: new Date(clock.now().getTime() + HOUR).toISOString() });
  expect(await read(server, critical)).toEqual([[{ channel: 'stable/cloud' }, marked]]);
  expect(await read(server, pin)).toEqual([[{ channel: 'stable/cloud' }, pinned]]);
  expect(await read(server, pinUntil as string)).toEqual([[{ channel: 'stable/cloud' }, pinned + 3600]]);
  expect(await read(server, criticalUntil as string)).toEqual([]);

  clock.forward(HOUR);
  expect(await read(server, pinUntil as string)).toEqual([]);
  const until = new Date(clock.now().getTime() + HOUR).toISOString();
  await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE', until });
  expect(await read(server, criticalUntil as string)).toEqual([[{ channel: 'stable/cloud' }, clock.seconds() + 3600]]);
  await api('POST', `${CHANNEL}/critical`, { critical: false, reason: 'x' });
  expect([await read(server, critical), await read(server, pin)]).toEqual([[], []]);
});

it('shows since when a plan is at its step', async () => {
  const STEP = 'fairway_plan_step_timestamp_seconds';
  const clock = stoppedClock('2026-05-01T10:00:00Z');
  const bootstrap = {
    controlPlanes: { main: '17.9.0' },
    channels: [{ name: 'stable/cloud', target: '16.4.0', controlPlane: 'main' }],
  };
  const server = await startServer({ bootstrap, leader: { plansEvery: '20ms' } }, { now: clock.now });
  const api = operatorClient(server);
  const agentAt = (version: string) =>
    api('POST', '/inventory?channel=stable%2Fcloud&complete=true', [instance(1, version)]);
  const releases = ['16.5.1', '17.4.0', '18.0.0'].map((version) => ({ version, date: null, security: false }));
  await api('POST', '/releases/import', releases);
  await agentAt('15.4.0');
  expect(await read(server, STEP)).toEqual([]);

  const started = clock.seconds();
  await api('POST', `${CHANNEL}/roll-forward`, { version: '18.0.0', reason: 'x', stepped: true });
  clock.forward(HOUR);
  await api('PUT', CHANNEL, { description: 'changed, but not moved' });
  expect(await read(server, STEP)).toEqual([[{ channel: 'stable/cloud' }, started]]);

  await agentAt('16.5.1');
  await vi.waitFor(async () => expect((await api('GET', CHANNEL)).body).toMatchObject({ plan: { step: 1 } }));
  expect(await read(server, STEP)).toEqual([[{ channel: 'stable/cloud' }, clock.seconds()]]);

  await api('POST', `${CHANNEL}/cancel-plan`, { reason: 'x' });
  expect(await read(server, STEP)).toEqual([]);
});

it('shows since when a promotion is in its stage, and when it will have soaked', async () => {
  const [STAGE, SOAKED] = ['fairway_promotion_stage_timestamp_seconds', 'fairway_promotion_soaked_timestamp_seconds'];
  const clock = stoppedClock('2026-05-01T10:00:00Z');
  const stages = [openStage('canary'), openStage('internal', { automatic: false })];
  const { server, register, until, act } = await startStages(stages, {}, { now: clock.now });
  expect(await read(server, STAGE)).toEqual([]);

  await register();
  await until('canary', 'soaking');
  const since = clock.seconds();
  expect(await read(server, STAGE)).toEqual([[{ version: RELEASE, stage: 'canary', state: 'soaking' }, since]]);
  expect(await read(server, SOAKED)).toEqual([[{ version: RELEASE, stage: 'canary' }, since + 3600]]);

  clock.forward(HOUR / 2);
  await act('halt');
  expect(await read(server, STAGE)).toEqual([
    [{ version: RELEASE, stage: 'canary', state: 'halted' }, clock.seconds()],
  ]);
  expect(await read(server, SOAKED)).toEqual([]);

  await act('resume');
  clock.forward(HOUR);
  await until('canary', 'complete');
  const complete = clock.seconds();
  expect(await read(server, STAGE)).toEqual([[{ version: RELEASE, stage: 'internal', state: 'waiting' }, complete]]);

  await register(FIX);
  await act('supersede', { by: FIX });
  const versions = (await read(server, STAGE)).map(([labels]) => (labels as { version: string }).version);
  expect(versions).toEqual([FIX]);
});

it('says whether a rolling stage waits only for what has its time', async () => {
  const rollout = { groups: [{ name: 'dev' }] };
  const { server, register, until, api } = await startStages([openStage('canary')], {
    leader: { plansEvery: '20ms' },
    bootstrap: { channels: [{ name: 'canary', target: '16.4.7', rollout }] },
  });
  const admin = operatorClient(server);
  const act = async (verb: string, body: object = {}) =>
    expect(await admin('POST', `/channels/canary/${verb}`, { reason: 'x', ...body })).toMatchObject({ status: 200 });
  const group = async () => (await admin('GET', '/channels/canary/rollout')).body.groups?.[0].state;
  const scheduled = async () => await read(server, 'fairway_promotion_stage_scheduled');
  const is = (value: number) => [[{ version: RELEASE, stage: 'canary' }, value]];
  const agents = (version: string) => api('POST', '/inventory?channel=canary&complete=true', [instance(1, version)]);
  await agents('16.4.7');
  await register();
  await until('canary', 'rolling');
  await vi.waitFor(async () => expect(await group()).toBe('active'), { timeout: 10_000 });
  expect(await scheduled()).toEqual(is(1));
  await act('rollout/pause');
  expect(await scheduled()).toEqual(is(0));
  await act('rollout/resume');
  expect(await scheduled()).toEqual(is(1));
  await act('pin');
  expect(await scheduled()).toEqual(is(0));
  await act('pin', { until: new Date(Date.now() + HOUR).toISOString() });
  expect(await scheduled()).toEqual(is(1));
  await act('unpin');
  await agents(RELEASE);
  await until('canary', 'soaking');
  expect(await scheduled()).toEqual(is(0));
});
