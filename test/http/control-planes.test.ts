import { describe, expect, it } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { expectProblem, stateOf } from './shared-server.ts';

const MAIN = '/control-planes/main';

async function started() {
  const server = await startServer(QUICKSTART);
  return { server, api: operatorClient(server) };
}

describe('a control plane', () => {
  it('is recorded, read and listed', async () => {
    const { api } = await started();
    const made = await api('PUT', '/control-planes/eu-1', { version: 'v17.0.0' });
    expect(made).toMatchObject({ status: 201, body: { name: 'eu-1', version: '17.0.0', updatedBy: 'token:admin' } });
    expect(made.headers.get('etag')).toBe(`"${made.body.revision}"`);
    const read = await api('GET', '/control-planes/eu-1');
    expect(read).toMatchObject({ status: 200, body: made.body });
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'));
    const { body } = await api('GET', '/control-planes');
    expect(body.controlPlanes.map(({ name }: { name: string }) => name)).toEqual(['eu-1', 'main']);
    const changed = await api('PUT', '/control-planes/eu-1', { version: '17.0.1' });
    expect(changed).toMatchObject({ status: 200, body: { version: '17.0.1' } });
    expect((await api('GET', '/audit?limit=1')).body.entries[0]).toMatchObject({
      action: 'report',
      subject: 'control-plane/eu-1',
      before: { version: '17.0.0' },
      after: { version: '17.0.1' },
    });
  });

  it('that is recorded again with the same version changes nothing', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    for (const version of ['16.4.7', 'v16.4.7']) {
      expect(await api('PUT', MAIN, { version })).toMatchObject({ status: 200, body: { version: '16.4.7' } });
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it.each([
    ['17.2.0+fips', '17.2.0'],
    [' V17.2.0 ', '17.2.0'],
    ['17.2', '17.2.0'],
  ])('that reports %j is at %s', async (version, read) => {
    const { api } = await started();
    expect(await api('PUT', MAIN, { version })).toMatchObject({ status: 200, body: { version: read } });
    const components = { auth: [version], proxy: ['17.1.0'] };
    expect(await api('PUT', MAIN, { components })).toMatchObject({ body: { version: '17.1.0', highest: read } });
  });

  it('may be recorded at any version, because it is a fact', async () => {
    const { api } = await started();
    for (const version of ['18.0.0', '15.0.0', '17.0.0-dev.1']) {
      expect(await api('PUT', MAIN, { version })).toMatchObject({ status: 200, body: { version } });
    }
  });
});

describe('a check of a control plane', () => {
  it('returns every reason and changes nothing', async () => {
    const { server, api } = await started();
    await api('POST', '/inventory?channel=stable%2Fcloud', inventory());
    const before = await stateOf(server);
    const { status, body } = await api('POST', `${MAIN}/check`, { version: 'v17.0.0' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      allowed: false,
      controlPlane: 'main',
      current: '16.4.7',
      version: '17.0.0',
      agents: 237,
      stranded: 21,
      channels: [{ channel: 'stable/cloud', target: '16.4.6', evidence: [{ source: 'inventory', agents: 237 }] }],
    });
    expect(body.reasons).toMatchObject([
      { reason: 'unknown_agent_version', channel: 'stable/cloud', version: '?', count: 1 },
      { reason: 'agent_too_old', channel: 'stable/cloud', version: '15.4.7', count: 6 },
      { reason: 'agent_too_old', channel: 'stable/cloud', version: '15.4.9', count: 14 },
    ]);
    expect(body.warnings).toMatchObject([{ reason: 'unmanaged_agents', version: '13.3.5', count: 4 }]);
    expect(await stateOf(server)).toEqual(before);
  });

  it.each<[version: string, allowed: boolean, reasons: string[]]>([
    ['16.4.8', true, []],
    ['16.0.0', true, []],
    ['17.0.0', true, []],
    ['18.0.0', false, ['control_plane_skips_major', 'agent_too_old', 'target_behind_control_plane']],
    ['15.4.10', false, ['control_plane_major_downgrade', 'agent_too_new', 'target_ahead_of_control_plane']],
  ])('for %s, without an inventory, returns: %s', async (version, allowed, reasons) => {
    const { api } = await started();
    const { body } = await api('POST', `${MAIN}/check`, { version });
    expect(body.allowed).toBe(allowed);
    expect(body.reasons.map(({ reason }: { reason: string }) => reason)).toEqual(reasons);
    for (const { detail } of body.reasons) expect(detail).toMatch(/\d+\.\d+/);
  });

  it('leaves channels of other control planes out', async () => {
    const { api } = await started();
    await api('PUT', '/control-planes/other', { version: '16.4.7' });
    const { body } = await api('POST', '/control-planes/other/check', { version: '17.0.0' });
    expect(body).toMatchObject({ allowed: true, agents: 0, channels: [] });
  });

  it.each([
    ['17.2.0+fips', '17.2.0'],
    ['17.4', '17.4.0'],
  ])('reads %s as a report of it does', async (version, read) => {
    const { api } = await started();
    expect((await api('POST', `${MAIN}/check`, { version })).body).toMatchObject({ version: read });
    expect((await api('PUT', MAIN, { version })).body).toMatchObject({ version: read });
  });

  it('is not found if the control plane has no recorded version', async () => {
    const { api } = await started();
    expectProblem(
      await api('POST', '/control-planes/x/check', { version: '17.0.0' }),
      404,
      'not_found',
      /fairway control-planes report x VERSION$/,
    );
  });
});

describe('a check of a control plane judges the release', () => {
  const SECRET = '16.4.8';

  async function withReleases(settings = {}) {
    const server = await startServer({ ...QUICKSTART, ...settings });
    const manager = operatorClient(server, 'release-manager');
    const register = async (version: string, over: object) => {
      const artifacts = { controlPlane: 'published', packages: 'published' };
      const body = { version, commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z', artifacts, ...over };
      expect((await manager('POST', '/releases', body)).status).toBe(201);
    };
    await manager('PUT', MAIN, { version: '16.4.6' });
    await register('16.4.7', {});
    await register('16.4.9', { artifacts: { controlPlane: 'building' } });
    await register(SECRET, { embargoed: true, security: true, artifacts: { controlPlane: 'building' } });
    await manager('POST', '/releases/16.4.7/pull', { reason: 'it leaks sessions' });
    const verdict = async (version: string, role: 'viewer' | 'release-manager' = 'release-manager') => {
      const { body } = await operatorClient(server, role)('POST', `${MAIN}/check`, { version });
      const names = (findings: { reason: string }[]) => findings.map(({ reason }) => reason);
      return { allowed: body.allowed, reasons: names(body.reasons), warnings: names(body.warnings) };
    };
    return { server, verdict };
  }

  it.each<[string, string, 'viewer' | 'release-manager', string[], string[]]>([
    ['a way back to a pulled one is refused', '16.4.7', 'viewer', ['release_pulled'], []],
    ['one without artifacts is refused', '16.4.9', 'viewer', ['artifacts_missing'], []],
    ['one under embargo is named', SECRET, 'release-manager', ['artifacts_missing'], ['release_embargoed']],
    ['one under embargo looks unknown to others', SECRET, 'viewer', [], []],
    ['an unknown one is allowed', '16.4.99', 'viewer', [], []],
  ])('%s', async (_, version, role, reasons, warnings) => {
    const { verdict } = await withReleases();
    expect(await verdict(version, role)).toEqual({ allowed: reasons.length === 0, reasons, warnings });
  });

  it('a strict catalogue refuses what the caller does not know', async () => {
    const { verdict } = await withReleases({ compatibility: { catalogue: 'strict' } });
    const unknown = { allowed: false, reasons: ['unknown_release'], warnings: [] };
    expect(await verdict('16.4.99', 'viewer')).toEqual(unknown);
    expect(await verdict(SECRET, 'viewer')).toEqual(unknown);
  });

  it('and what client tools are served', async () => {
    const { server, verdict } = await withReleases();
    const manager = operatorClient(server, 'release-manager');
    expect((await manager('PUT', '/channels/stable%2Fcloud', { toolsVersion: '15.4.9' })).status).toBe(200);
    expect(await verdict('17.0.0')).toEqual({ allowed: false, reasons: ['tools_refused'], warnings: [] });
    await manager('PUT', '/channels/stable%2Fcloud', { toolsVersion: null });
    expect((await verdict('17.0.0')).reasons).toEqual([]);
  });

  it('and its components against each other', async () => {
    const { server, verdict } = await withReleases();
    const components = { auth: ['16.4.8'], proxy: ['17.0.0'] };
    await operatorClient(server)('PUT', MAIN, { components });
    expect((await verdict('17.0.0')).warnings).toEqual(['components_apart', 'components_apart']);
  });
});
