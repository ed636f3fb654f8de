import { describe, expect, it } from 'vitest';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const COMMIT = 'f00dfacadef00dfacadef00dfacadef00dfacade';
const CLOUD = '17.0.0-cloud.20241112T101530.f00dfac';
const registration = (version: string, over: object = {}) => ({
  version,
  commit: COMMIT,
  cutAt: '2024-11-12T10:15:30Z',
  ...over,
});
const published = { artifacts: { controlPlane: 'published', packages: 'published', helm: 'published' } };

async function started(channel: object = {}) {
  const server = await startServer({
    bootstrap: {
      controlPlanes: { main: '17.0.0' },
      channels: [{ name: 'stable/cloud', target: '16.4.6', controlPlane: 'main', ...channel }],
    },
  });
  const api = operatorClient(server, 'release-manager');
  await api('POST', '/releases/import', [
    { version: '16.4.6', date: '2024-10-22', security: true },
    { version: '16.4.7', date: '2024-11-11', security: false },
  ]);
  const rollForward = (version: string) =>
    api('POST', '/channels/stable%2Fcloud/roll-forward', { version, reason: 'test' });
  return { server, api, rollForward };
}

describe('registering a release', () => {
  it('is refused with its own message for a release from a history', async () => {
    const { api } = await started();
    const reply = await api('POST', '/releases', registration('16.4.7'));
    expectProblem(
      reply,
      409,
      'already_exists',
      /^16\.4\.7 was imported with a release history; only register releases that are cut from now on$/,
    );
  });

  it('is idempotent: a repetition changes nothing, different content is refused', async () => {
    const { api } = await started();
    const body = registration(CLOUD, { changes: [{ pr: 1, title: 'A', significant: true }] });
    const first = await api('POST', '/releases', body);
    expect(first).toMatchObject({ status: 201, body: { version: CLOUD, registered: { by: 'token:release-manager' } } });
    await api('POST', `/releases/${CLOUD}/artifacts`, { packages: 'published' });
    const revision = (await api('GET', `/releases/${CLOUD}`)).body.revision;
    const again = await api('POST', '/releases', { ...body, version: `v${CLOUD}`, commit: COMMIT.toUpperCase() });
    expect(again).toMatchObject({ status: 200, body: { revision, artifacts: { packages: { state: 'published' } } } });
    expectProblem(
      await api('POST', '/releases', { ...body, security: true }),
      409,
      'already_exists',
      /is already registered with different content/,
    );
  });

  it.each<[what: string, body: object, detail: RegExp]>([
    [
      'a cloud release of another major',
      registration('18.0.0-cloud.20241112T101530.f00dfac'),
      /17 now .*not 18; 18 is allowed once 17\.0\.0-rc\.1/,
    ],
    [
      'a cloud release of another commit',
      registration('17.0.0-cloud.20241112T101530.abcdef0'),
      /does not belong to commit/,
    ],
    [
      'a change twice',
      registration(CLOUD, { changes: [1, 1].map((pr) => ({ pr, title: 'x', significant: false })) }),
      /listed twice/,
    ],
    ['a text that is not a version', registration('17.0'), /not a version/],
    ['a hash of digits only that starts with 0', registration('17.0.0-cloud.20241112T101530.0123456'), /not a version/],
    ['an unknown field', registration('16.4.8', { notes: 'x' }), /notes/],
    ['no commit', { version: '16.4.8', cutAt: '2024-11-12T10:15:30Z' }, /commit/],
  ])('refuses %s', async (_, body, detail) => {
    const { api } = await started();
    expectProblem(await api('POST', '/releases', body), 422, 'invalid', detail);
  });

  it('accepts the next major too once its branch was cut', async () => {
    const { api } = await started();
    expect(await api('POST', '/releases', registration('17.0.0-rc.1'))).toMatchObject({ status: 201 });
    for (const version of [CLOUD, '18.0.0-cloud.20241112T101530.f00dfac']) {
      expect(await api('POST', '/releases', registration(version))).toMatchObject({ status: 201 });
    }
  });

  it('mints the major of main, which a person raises by declaring that the branch was cut', async () => {
    const { api, server } = await started();
    const mint = (query = '') => api('GET', `/releases/mint?commit=${COMMIT}&at=2024-11-12T10:15:30Z${query}`);
    expect((await mint()).body).toEqual({ version: CLOUD, majors: [17] });
    expectProblem(await mint('&major=18'), 422, 'invalid', /must be 17 now .*not 18.*cut-branch 17/);
    const declare = (body: object) => api('POST', '/releases/cut-branch', { reason: 'feature freeze', ...body });
    expectProblem(
      await declare({ major: 18 }),
      422,
      'invalid',
      /the next branch to be cut is branch\/v17, after 16\.4\.7/,
    );
    expect((await declare({ major: 17, dryRun: true })).body.cuts).toHaveLength(1);
    expect((await mint()).body.majors).toEqual([17]);
    const declared = await declare({ major: 17 });
    const cut = { major: 17, by: 'token:release-manager', reason: 'feature freeze' };
    expect(declared).toMatchObject({ status: 200, body: { cuts: [cut], majors: [17, 18] } });
    expect((await declare({ major: 17 })).body).toEqual(declared.body);
    const { body } = await api('GET', `/releases/mint?commit=${COMMIT}`);
    expect(body).toMatchObject({ version: expect.stringMatching(/^18\.0\.0-cloud\./), majors: [17, 18] });
    const [entry] = (await api('GET', '/audit?limit=1')).body.entries;
    expect(entry).toMatchObject({ action: 'cut-branch', subject: 'branches/cut', reason: 'feature freeze' });
    const operator = operatorClient(server, 'operator');
    expect((await operator('POST', '/releases/cut-branch', { major: 17, reason: 'x' })).status).toBe(403);
  });

  it('is for release managers', async () => {
    const { server } = await started();
    const operator = operatorClient(server, 'operator');
    expectProblem(await operator('POST', '/releases', registration(CLOUD)), 403, 'forbidden', /release-manager/);
  });
});

describe('the catalogue', () => {
  it('is listed by precedence or by time, with filters', async () => {
    const { api } = await started();
    await api('POST', '/releases', registration('15.4.23', { security: true, cutAt: '2024-11-13T00:00:00Z' }));
    const versions = async (query: string) =>
      (await api('GET', `/releases?${query}`)).body.releases.map(({ version }: { version: string }) => version);
    expect(await versions('')).toEqual(['16.4.7', '16.4.6', '15.4.23']);
    expect(await versions('order=time')).toEqual(['15.4.23', '16.4.7', '16.4.6']);
    expect(await versions('security=true')).toEqual(['16.4.6', '15.4.23']);
    expect(await versions('major=16&limit=1')).toEqual(['16.4.7']);
    expect(await versions('kind=cloud')).toEqual([]);
    expectProblem(await api('GET', '/releases?order=size'), 422, 'invalid', /order/);
  });

  it('explains any version, known or not', async () => {
    const { api } = await started();
    const { body } = await api('GET', '/versions/v16.4.8');
    expect(body).toMatchObject({ kind: 'stable', line: '16', branch: 'branch/v16.4', support: 'supported' });
    expectProblem(await api('GET', '/releases/16.4.8'), 404, 'not_found', /no release 16\.4\.8/);
  });

  it('lets a channel serve a release once its packages are out, and the charts if it needs them', async () => {
    const { api, rollForward } = await started({ needsHelm: true });
    await api('POST', '/releases', registration('16.4.8', { artifacts: { controlPlane: 'published' } }));
    expectProblem(await rollForward('16.4.8'), 409, 'refused', /the packages of 16\.4\.8 are absent.*Helm charts/);
    await api('POST', '/releases/16.4.8/artifacts', { packages: 'published' });
    const refused = await rollForward('16.4.8');
    expect(expectProblem(refused, 409, 'refused', /Helm charts/).report.reasons).toMatchObject([
      { reason: 'artifacts_missing' },
    ]);
    await api('POST', '/releases/16.4.8/artifacts', { helm: 'published' });
    expect(await rollForward('16.4.8')).toMatchObject({ status: 200 });
  });
});

describe('pulling a release', () => {
  it('withdraws a channel that has no earlier target, and keeps its pin', async () => {
    const { api, server } = await started();
    await api('PUT', '/channels/fresh', { target: '16.4.7', reason: 'test' });
    await api('POST', '/channels/fresh/pin', { reason: 'freeze' });
    const dry = await api('POST', '/releases/16.4.7/pull', { reason: 'bad', dryRun: true });
    expect(dry.body.channels).toMatchObject([{ channel: 'fresh', from: '16.4.7', to: null }]);
    expect(await (await fetch(`${server.publicUrl}/v1/fresh/version`)).text()).toBe('v16.4.7');
    await api('POST', '/releases/16.4.7/pull', { reason: 'bad' });
    const served = async (path: string) => (await fetch(`${server.publicUrl}/v1/fresh/${path}`)).text();
    expect([await served('version'), await served('tools/version')]).toEqual(['none', 'v16.4.6']);
    expect(await (await fetch(`${server.publicUrl}/webapi/find?group=fresh`)).text()).not.toContain('16.4.7');
    expect((await api('GET', '/channels/fresh')).body).toMatchObject({ target: null, pin: { reason: 'freeze' } });
  });

  it('names the first 500 channels that move, those that are withdrawn before the others, and counts all', async () => {
    const { api, server } = await started();
    await api('POST', '/releases', registration('16.4.8', published));
    const admin = operatorClient(server, 'admin');
    const names = Array.from({ length: 510 }, (_, n) => `many/c${n}`);
    const apply = (version: string, list: string[]) =>
      admin('POST', '/apply', { fairway: 1, channels: list.map((name) => ({ name, target: version })) });
    expect((await apply('16.4.7', names.slice(0, 505))).body.detail).toBe(undefined);
    expect((await apply('16.4.8', names)).body.detail).toBe(undefined);
    const { body } = await api('POST', '/releases/16.4.8/pull', { reason: 'bad' });
    expect(body).toMatchObject({ total: 510, withdrawn: 5 });
    expect(body.channels).toHaveLength(500);
    const to = (version: string | null) => body.channels.filter((each: { to: string | null }) => each.to === version);
    expect([to(null).length, to('16.4.7').length]).toEqual([5, 495]);
    expect(body.channels[0]).toMatchObject({ channel: 'many/c505', from: '16.4.8', to: null });
  });

  it('skips releases pulled earlier, and does not change other channels', async () => {
    const { api, rollForward } = await started();
    await rollForward('16.4.7');
    await api('POST', '/releases', registration('16.4.8', published));
    await rollForward('16.4.8');
    await api('PUT', '/channels/other', { target: '16.4.6', reason: 'test' });
    const other = (await api('GET', '/channels/other')).body.revision;
    await api('POST', '/releases/16.4.7/pull', { reason: 'bad' });
    const { body } = await api('POST', '/releases/16.4.8/pull', { reason: 'worse', critical: true });
    expect(body.channels).toEqual([
      { channel: 'stable/cloud', from: '16.4.8', to: '16.4.6', detail: expect.stringContaining('back to 16.4.6') },
    ]);
    expect((await api('GET', '/channels/stable%2Fcloud')).body).toMatchObject({
      target: '16.4.6',
      critical: { reason: 'worse' },
      lineage: ['16.4.6'],
    });
    expect((await api('GET', '/channels/other')).body.revision).toBe(other);
    const again = await api('POST', '/releases/16.4.8/pull', { reason: 'once more' });
    expect(again.body).toMatchObject({ total: 0, channels: [], release: { pulled: { reason: 'worse' } } });
  });
});

describe('client tools', () => {
  it.each([
    '/v1/stable/cloud/tools/version',
    '/v1/tools/version',
    '/v1/stable/cloud//tools/version/',
    '/v1/stable%2Fcloud/tools%2Fversion',
    '/v1/webapi/automaticupgrades/channel/stable/cloud/tools/version',
    '/webapi/automaticupgrades/channel/stable/cloud/tools/version',
  ])('get the target at %s', async (path) => {
    const { server } = await started();
    const answer = await fetch(`${server.publicUrl}${path}`);
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 200, body: 'v16.4.6' });
  });

  it.each(['/v1/nobody/tools/version', '/v1/stable/cloud/tools', '/tools/version'])(
    'get nothing at %s',
    async (path) => {
      const { server } = await started();
      expect((await fetch(`${server.publicUrl}${path}`)).status).toBe(404);
    },
  );
});

describe('a control plane', () => {
  it('stays compatible for a grace period with the versions that its channels served', async () => {
    let time = Date.parse('2024-11-12T10:30:00Z');
    const server = await startServer(
      {
        bootstrap: {
          controlPlanes: { main: '17.0.0' },
          channels: [{ name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' }],
        },
        promotion: { grace: '6h' },
        compatibility: { presumeServedFor: '1h' },
      },
      { now: () => new Date(time) },
    );
    const api = operatorClient(server);
    await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '17.0.0', reason: 'test' });
    const check = async () => (await api('POST', '/control-planes/main/check', { version: '18.0.0' })).body;
    time += 2 * 3_600_000;
    expect(await check()).toMatchObject({
      allowed: false,
      reasons: [{ reason: 'recently_served', version: '16.4.6' }],
    });
    time += 4 * 3_600_000;
    expect(await check()).toMatchObject({ allowed: true });
  });
});
