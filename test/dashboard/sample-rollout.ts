import { vi } from 'vitest';
import { type FakeAgent, fakeAgents, pollAll } from '../support/fake-agents.ts';
import { operatorClient, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';
import { CLOUD } from './large-fleet.ts';
import { recordPast } from './sample-fleet.ts';

const HOUR = 3_600_000;
const CHANNEL = '/channels/stable%2Fcloud';

/** Settings of a server that looks at rollouts often. */
export const QUICK = { fleet: { flushEvery: '10ms', enrolment: { mode: 'open' } }, leader: { plansEvery: '10ms' } };

/** A window that is closed now, whenever now is. */
export function closedWindow(): object {
  const start = String((new Date().getUTCHours() + 3) % 24).padStart(2, '0');
  return { start: `${start}:00`, for: '2h', timeZone: 'UTC' };
}

const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000 });

/**
 * A server with channels whose rollouts are under way: one with a group that is done, one in a wave and one that waits
 * for its window; one of 20 groups with a cloud release, which is halted; one whose groups were never used.
 */
export async function startSampleRollouts(): Promise<TestServer> {
  const [from = '', to = ''] = CLOUD.slice(-2);
  const many = Array.from({ length: 20 }, (_, nth) => ({
    name:
      nth === 2 ? 'production-of-tenants-with-a-long-name-in-eu-central-1-and-others'.slice(0, 64) : `ring-${nth + 1}`,
    canaries: nth === 0 ? 3 : 0,
    waves: [10, 50, 100],
    window: closedWindow(),
  }));
  const dataDir = temporaryDirectory();
  await recordPast(dataDir, 'stable/cloud', 218);
  // The rollout of stable/cloud began some hours ago, so that the chart has its steps.
  let back = 5 * HOUR;
  const settings = {
    ...QUICK,
    dataDir,
    bootstrap: {
      controlPlanes: { main: to },
      channels: [
        {
          name: 'stable/cloud',
          target: '16.4.6',
          // Its clock jumps, so agents seem to fall silent.
          watch: { for: '0s' },
          rollout: {
            groups: [
              { name: 'dev', match: ['dev', 'Development'] },
              { name: 'staging', canaries: 3, waves: [10, 50, 100] },
              {
                name: 'prod',
                waves: [5, 25, 100],
                days: ['Mon', 'Tue', 'Wed', 'Thu'],
                window: closedWindow(),
                waitHours: 24,
              },
            ],
          },
        },
        { name: 'tenants/cloud', target: from, controlPlane: 'main', accepts: ['cloud'], rollout: { groups: many } },
        { name: 'quiet', target: '16.4.6', rollout: { groups: [{ name: 'dev', canaries: 2 }, { name: 'prod' }] } },
      ],
    },
  };
  const server = await startServer(settings, { now: () => new Date(Date.now() - back) });
  const api = operatorClient(server);
  const post = async (path: string, body: object) => {
    const reply = await api('POST', path, body);
    if (reply.status >= 300) throw new Error(`${path}: ${reply.body.detail}`);
  };
  const groupOf = async (name: string) =>
    (await api('GET', `${CHANNEL}/rollout`)).body.groups?.find((each: { name: string }) => each.name === name);
  const dev = fakeAgents('dev', 8);
  const staging = fakeAgents('staging', 60);
  const all = [...dev, ...staging, ...fakeAgents('prod', 150)];
  await pollAll(server, all);
  await until(async () => {
    if ((await api('GET', '/census?channel=stable%2Fcloud')).body.agents !== all.length) throw new Error('not all');
  });
  await post(`${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'monthly update, change 5120' });
  await follow(server, dev, async () => (await groupOf('staging'))?.state === 'canary');
  back = 3 * HOUR;
  await pollAll(server, all);
  await follow(server, staging, async () => (await groupOf('staging'))?.wave > 10);
  back = 0;
  await pollAll(server, all);

  const ring = fakeAgents('ring-1', 12, from);
  await pollAll(server, ring, undefined, 'tenants/cloud');
  await post('/channels/tenants%2Fcloud/roll-forward', { version: to, reason: 'cloud release of the week' });
  await until(() =>
    post('/channels/tenants%2Fcloud/rollout/start', { group: 'ring-1', reason: 'it is quiet', skipCanaries: true }),
  );
  await follow(
    server,
    ring,
    async () => {
      const { groups } = (await api('GET', '/channels/tenants%2Fcloud/rollout')).body;
      return groups[0].atTarget > 0;
    },
    'tenants/cloud',
  );
  // The leader looks all the time, and may be the first to write.
  await until(() =>
    post('/channels/tenants%2Fcloud/rollout/pause', { reason: 'incident 12: sessions of agents on arm64 end' }),
  );
  return server;
}

/** Agents ask and follow until something is so. */
async function follow(
  server: TestServer,
  agents: FakeAgent[],
  isSo: () => Promise<boolean>,
  channel?: string,
): Promise<void> {
  await until(async () => {
    await pollAll(server, agents, undefined, channel);
    if (!(await isSo())) throw new Error('not yet');
  });
}
