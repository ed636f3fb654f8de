import { vi } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { operatorClient, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { inventory } from './sample-fleet.ts';

const HOUR = 3_600_000;
const STAGES = ['canary', 'internal', 'trials', 'team-enterprise'];
const CUT = { commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z' };
const OUT = { controlPlane: 'published', packages: 'published' };

/** The release that canary already runs and that goes to internal next. */
export const RELEASE = '18.0.0-cloud.20241112T101530.f00dfac';
/** The release that all stages ran before. */
export const BEFORE = '18.0.0-cloud.20241105T080000.0ddba11';
/** A release that was cut a day after the first. */
export const NEXT = '18.0.0-cloud.20241113T090000.c0ffee1';

/**
 * A server that is promoting a release: canary is complete, internal waits for a sign-off and an approval; a
 * later release has just been cut, and a fix is under embargo.
 */
export async function startSampleReleases(): Promise<TestServer> {
  let back = 26 * HOUR;
  const names = { 'release-manager': 'release-manager', mara: 'admin' } as const;
  const people = Object.entries(names).map(([name, role]) => ({ name, role, sha256: hashToken(`${name}-token`) }));
  const roles = Object.entries(TOKENS).map(([role, token]) => ({ name: `ci-${role}`, role, sha256: hashToken(token) }));
  const server = await startServer(
    {
      tokens: [...roles, ...people],
      bootstrap: {
        controlPlanes: Object.fromEntries(STAGES.map((name) => [name, BEFORE])),
        channels: STAGES.map((name) => ({ name: `cloud/${name}`, target: BEFORE, controlPlane: name })),
      },
      promotion: {
        advanceEvery: '20ms',
        stages: STAGES.map((name, index) => ({
          name,
          channels: [`cloud/${name}`],
          controlPlanes: [name],
          soak: '1h',
          ...(index === 0 ? { automatic: true, signOff: false, approval: false } : {}),
        })),
      },
    },
    { now: () => new Date(Date.now() - back) },
  );
  const api = operatorClient(server, 'release-manager');
  const post = async (path: string, body: object) => {
    const reply = await api('POST', path, body);
    if (reply.status >= 300) throw new Error(`${path}: ${reply.body.detail}`);
  };
  const until = (version: string, state: string) =>
    vi.waitFor(
      async () => {
        const { stages } = (await api('GET', `/releases/${version}/promotion`)).body;
        if (stages[0].state !== state) throw new Error(`canary is ${stages[0].state}: ${stages[0].next}`);
      },
      { timeout: 15_000 },
    );
  await post(
    '/releases/import',
    ['17.0.0', '17.0.1'].map((version) => ({ version, date: '2024-11-01', security: false })),
  );
  const changes = [
    { pr: 4711, title: 'Rework the session recorder', significant: true },
    { pr: 4713, title: 'Keep connections while certificates are renewed', significant: true },
    { pr: 4712, title: 'Fix a typo', significant: false },
  ];
  await post('/releases', { version: RELEASE, ...CUT, previous: '17.0.1', artifacts: OUT, changes });
  await until(RELEASE, 'awaiting-control-plane');
  await api('PUT', '/control-planes/canary', { version: RELEASE });
  await until(RELEASE, 'soaking');
  back = 25 * HOUR - HOUR / 2;
  await until(RELEASE, 'complete');
  await post(`/releases/${RELEASE}/changes/4713/sign-off`, { reason: 'tested on staging' });
  back = HOUR / 4;
  await post('/releases', { version: NEXT, commit: 'c0ffee1234', cutAt: '2024-11-13T09:00:00Z', previous: RELEASE });
  await post('/releases', { version: '17.0.2', ...CUT, security: true, embargoed: true, artifacts: OUT });
  back = HOUR / 10;
  await post('/inventory?channel=cloud%2Fcanary', inventory('canary', { [BEFORE]: 3, [RELEASE]: 37 }));
  for (const [index, name] of STAGES.slice(1).entries()) {
    await post(`/inventory?channel=cloud%2F${name}`, inventory(name, { [BEFORE]: 80 * (index + 1) }));
  }
  back = 0;
  return server;
}
