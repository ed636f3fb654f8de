import { vi } from 'vitest';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { inventory } from './sample-fleet.ts';

/** Cloud versions, a day apart, oldest first; each has 36 characters. */
export const CLOUD = Array.from({ length: 40 }, (_, index) => {
  const day = new Date(Date.UTC(2024, 9, 4 + index, 10, 15, 30)).toISOString().replace(/[-:]|\.\d+Z/g, '');
  return `18.0.0-cloud.${day}.${(0xf00d000 + index).toString(16)}`;
});

const version = (back: number): string => CLOUD.at(-1 - back) ?? '';

/** As long as names may be, and without a place to break. */
const LONG = `tenants/${'northwestern-enterprise-customers-'.repeat(3)}eu-central-1`;
const ADDRESS = `https://runbooks.example.com/${'agents-of-tenants/'.repeat(8)}what-to-do-when-they-are-behind?section=12`;
const DESCRIPTION = `Agents of all tenants in the north-west, see ${ADDRESS} and ask the team that is on call before a change`;

export const LONG_CHANNEL = `/channels/${encodeURIComponent(LONG)}`;

/** Takes the newest release to the tenants: the canaries first, and one of them too late. */
const STAGE = {
  ...{ name: 'trials-of-the-north-west', channels: ['tenant/v9'], soak: '1h', signOff: false, approval: false },
  tenants: { class: 'trials', maxInFlight: '50%', maxFailing: '100%', deadline: '1ms' },
};

const TENANTS = Array.from({ length: 12 }, (_, index) => ({
  name: index === 0 ? 'northwestern-enterprise-customers-of-the-eu-central-1-region-12' : `trial-${index}`,
  version: version(5),
  class: 'trials',
  labels: index < 3 ? { canary: 'true', region: 'eu-central-1' } : { region: 'eu-central-1' },
}));

/**
 * A server with 100 channels, 40 releases and a stage of tenants whose names, versions and texts are as long as they
 * come.
 */
export async function startLargeFleet(): Promise<TestServer> {
  const plane = 'production-eu-central-1.teleport.example';
  const names = [LONG, ...Array.from({ length: 99 }, (_, index) => `tenant/v${index + 1}`)];
  const server = await startServer({
    promotion: { stages: [STAGE], advanceEvery: '20ms' },
    bootstrap: {
      controlPlanes: { main: version(0), [plane]: version(0) },
      channels: names.map((name, index) => ({
        name,
        description: index % 3 === 0 ? DESCRIPTION : '',
        target: version(index % 3),
        controlPlane: index % 2 === 0 ? plane : 'main',
      })),
    },
  });
  const api = operatorClient(server);
  const send = async (path: string, body: object) => {
    const reply = await api('POST', path, body);
    if (reply.status >= 300) throw new Error(`${path}: ${reply.body.detail}`);
  };
  await send('/releases/import', [{ version: '17.0.0', date: null, security: false }]);
  const changes = [{ pr: 4711, title: `Rework the session recorder, see ${ADDRESS}`, significant: true }];
  for (const [index, each] of CLOUD.entries()) {
    const cutAt = `${each.slice(13, 17)}-${each.slice(17, 19)}-${each.slice(19, 21)}T10:15:30Z`;
    await send('/releases', {
      ...{ version: each, commit: each.slice(-7), cutAt, previous: CLOUD[index - 1] ?? '17.0.0' },
      ...{ changes: index === CLOUD.length - 1 ? changes : [] },
      artifacts: { controlPlane: 'published', packages: 'published' },
    });
  }
  await send('/control-planes/import', TENANTS);
  await send(`/releases/${version(0)}/promote`, { reason: 'tested' });
  await vi.waitFor(async () => {
    const { controlPlanes } = (await api('GET', '/control-planes?state=failing')).body;
    if (controlPlanes.length < 3) throw new Error('the canaries were not told yet');
  });
  const of = (channel: string) => `/channels/${encodeURIComponent(channel)}`;
  const agents = { [version(1)]: 4, [version(5)]: 12, [version(20)]: 3, '16.4.7': 2 };
  await send(`/inventory?channel=${encodeURIComponent(LONG)}`, inventory('agent-of-a-tenant-with-a-long-name', agents));
  await send('/inventory?channel=tenant%2Fv9', inventory('v9', { [version(0)]: 30, [version(3)]: 1 }));
  await send('/inventory?channel=tenant%2Fv10', inventory('v10', { [version(0)]: 7, '15.4.7': 1 }));
  const reason = `incident 12: agents restart, see ${ADDRESS}`;
  await send(`${of(LONG)}/pin`, { reason, until: '2100-01-01T18:00:00Z' });
  await send(`${of('tenant/v30')}/critical`, { critical: true, reason });
  await send(`${of('tenant/v31')}/withdraw`, { reason });
  await send(`${of('tenant/v32')}/roll-back`, { version: version(9), reason });
  return server;
}
