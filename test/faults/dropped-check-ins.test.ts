import { expect, it, onTestFinished, vi } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';

vi.setConfig({ testTimeout: 60_000 });

const CHANNEL = 'stable/cloud';
const PATH = '/channels/stable%2Fcloud';
const BACK = { timeout: 15_000, interval: 50 };

const settings = (workers: number) => ({
  workers,
  store: { compareEvery: '100ms' },
  fleet: { flushEvery: '50ms', maxPending: 3, enrolment: { mode: 'open' } },
  bootstrap: {
    controlPlanes: { main: '17.4.0' },
    channels: [{ name: CHANNEL, target: '16.4.6', controlPlane: 'main' }],
  },
});

/** Each poll has a connection of its own, so that all workers get some. */
const poll = async ({ publicUrl }: FairwayProcess, id: string, version: string) => {
  const url = `${publicUrl}/v1/${CHANNEL}/version?host=${id}&agent_version=${version}`;
  return (await fetch(url, { headers: { Connection: 'close' } })).text();
};

const check = async ({ api }: FairwayProcess) =>
  (await api('POST', `${PATH}/check`, { version: '17.0.1' })).body as {
    allowed: boolean;
    stranded: number;
    warnings: { reason: string; version?: string; detail: string }[];
  };

it.each([
  { process: 'the first process', workers: 1 },
  { process: 'a worker', workers: 2 },
])(
  'dropped in $process while Redis is away, check-ins leave the census incomplete on every server',
  async ({ workers }) => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const env = { REDIS_URL: redis.url };
    const first = await startFairway({ settings: settings(workers), env });
    const second = await startFairway({ settings: settings(1), env });
    const inventory = await first.api('POST', '/inventory?channel=stable%2Fcloud&complete=true', [
      instance(1, '16.4.6'),
    ]);
    expect(inventory.status).toBe(200);
    expect(await check(first)).toMatchObject({ allowed: true });

    await redis.kill();
    const crowd = Array.from({ length: 30 }, (_, nth) => `agent-${nth}`);
    for (const id of crowd) await poll(first, id, '16.4.6');
    await poll(first, 'old', '15.4.9');
    const dropped = crowd.length + 1 - 3 * workers;
    const counted = () => first.metric('fairway_checkins_dropped_total');
    await vi.waitFor(async () => expect(await counted()).toBeGreaterThanOrEqual(dropped), BACK);
    await redis.restart();

    for (const server of [first, second]) {
      await vi.waitFor(async () => expect(await check(server)).toMatchObject({ allowed: false, stranded: 1 }), BACK);
      const { warnings } = await check(server);
      const uncounted = warnings.find(({ reason, version }) => reason === 'agents_uncounted' && version === '15.x');
      expect(uncounted?.detail).toMatch(
        /^check-ins of agents at 15\.x on stable\/cloud were too many .*evidence forget/,
      );
      expect((await server.api('GET', '/census?channel=stable/cloud')).body.uncounted).toEqual(['16.x', '15.x']);
      await vi.waitFor(
        async () => expect(await server.metric('fairway_census_complete{channel="stable/cloud"}')).toBe(0),
        BACK,
      );
    }
    expect(first.stdout + first.stderr).toMatch(/check-ins were dropped, because too many wait to be written/);

    const forget = (dryRun: boolean) =>
      second.api('POST', `/evidence/stable%2Fcloud/forget-version`, {
        version: '15.x',
        reason: 'counted since',
        dryRun,
      });
    expect((await forget(true)).body).toMatchObject({ before: 1, after: 0 });
    expect(await check(first)).toMatchObject({ allowed: false });
    expect((await forget(false)).status).toBe(200);
    await vi.waitFor(async () => expect(await check(first)).toMatchObject({ allowed: true }), BACK);
    expect((await forget(false)).status).toBe(404);
  },
);
