import { describe, expect, it } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const COMMIT = 'f00dfacadef00dfacadef00dfacadef00dfacade';
const published = { controlPlane: 'published', packages: 'published' };

/** A server with a channel at 16.4.7, and the releases 16.4.6 to 16.4.8. */
async function started(settings: Raw = {}) {
  const server = await startServer(merge({ webapi: { toolsAutoUpdate: true } }, settings));
  const api = operatorClient(server, 'release-manager');
  const register = (version: string, over: object = {}) =>
    api('POST', '/releases', { version, commit: COMMIT, cutAt: '2024-11-12T10:15:30Z', artifacts: published, ...over });
  for (const version of ['16.4.6', '16.4.7', '16.4.8']) expect((await register(version)).status).toBe(201);
  expect((await api('PUT', CHANNEL, { target: '16.4.6' })).status).toBe(201);
  const forward = { version: '16.4.7', reason: 'test' };
  expect((await api('POST', `${CHANNEL}/roll-forward`, forward)).status).toBe(200);
  const served = async () => {
    const tools = await (await fetch(`${server.publicUrl}/v1/stable/cloud/tools/version`)).text();
    const { auto_update: found } = (await (await fetch(`${server.publicUrl}/webapi/find`)).json()) as {
      auto_update: Record<string, unknown>;
    };
    return [tools, found.tools_version, found.tools_auto_update, found.agent_version];
  };
  const set = (toolsVersion: string | null, over: object = {}) => api('PUT', CHANNEL, { toolsVersion, ...over });
  return { server, api, register, served, set };
}

describe('client tools', () => {
  it('get the version that is set for them until it is removed', async () => {
    const { api, served, set } = await started();
    expect(await served()).toEqual(['v16.4.7', '16.4.7', true, '16.4.7']);
    expect(await set('v16.4.8')).toMatchObject({ status: 200, body: { toolsVersion: '16.4.8', target: '16.4.7' } });
    expect(await served()).toEqual(['v16.4.8', '16.4.8', true, '16.4.7']);
    await api('POST', `${CHANNEL}/roll-back`, { reason: 'test' });
    expect(await served()).toEqual(['v16.4.8', '16.4.8', true, '16.4.6']);
    expect(await set(null)).toMatchObject({ body: { toolsVersion: null } });
    expect(await served()).toEqual(['v16.4.6', '16.4.6', true, '16.4.6']);
  });

  it('of a withdrawn channel get `none` unless a version is set for them', async () => {
    const { api, served, set } = await started();
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'test' });
    expect(await served()).toEqual(['none', undefined, false, '']);
    await set('16.4.8');
    expect(await served()).toEqual(['v16.4.8', '16.4.8', true, '']);
  });

  it('are not told to update unless the settings say so', async () => {
    const { served } = await started({ webapi: { toolsAutoUpdate: false } });
    expect(await served()).toEqual(['v16.4.7', '16.4.7', false, '16.4.7']);
  });

  it('get a change of the settings, which the audit log records', async () => {
    const { api, set } = await started();
    await set('16.4.8', { reason: 'tsh fix' });
    const [entry] = (await api('GET', `${CHANNEL}/history?limit=1`)).body.entries;
    expect(entry).toMatchObject({
      action: 'settings',
      reason: 'tsh fix',
      before: { toolsVersion: null },
      after: { toolsVersion: '16.4.8' },
    });
  });

  it('go back to the target in the commit that pulls their release, pinned or not', async () => {
    const { api, served, set } = await started();
    await set('16.4.8');
    await api('POST', `${CHANNEL}/pin`, { reason: 'freeze' });
    const { body } = await api('POST', '/releases/16.4.8/pull', { reason: 'bad' });
    const detail = 'client tools get the target again: 16.4.7';
    expect(body.channels).toEqual([{ channel: 'stable/cloud', from: '16.4.7', to: '16.4.7', detail }]);
    const channel = (await api('GET', CHANNEL)).body;
    expect(channel).toMatchObject({ toolsVersion: null, target: '16.4.7', pin: { reason: 'freeze' } });
    expect(channel.revision).toBe(body.release.revision);
    expect(await served()).toEqual(['v16.4.7', '16.4.7', true, '16.4.7']);
  });

  it('go back with the target if both are at the pulled release', async () => {
    const { api, served, set } = await started();
    await set('16.4.7');
    const { body } = await api('POST', '/releases/16.4.7/pull', { reason: 'bad' });
    expect(body.channels).toMatchObject([
      { from: '16.4.7', to: '16.4.6', detail: expect.stringMatching(/back to 16\.4\.6.*; client tools/) },
    ]);
    expect(await served()).toEqual(['v16.4.6', '16.4.6', true, '16.4.6']);
  });

  it('get the newest earlier release that the control plane accepts if agents cannot go back', async () => {
    const { server, api, register } = await started();
    const tools = async () => (await fetch(`${server.publicUrl}/v1/eu/tools/version`)).text();
    await api('PUT', '/control-planes/main', { version: '17.0.1' });
    await register('17.0.1');
    const made = { target: '17.0.1', controlPlane: 'main' };
    expect((await api('PUT', '/channels/eu', made)).status).toBe(201);
    const dry = await api('POST', '/releases/17.0.1/pull', { reason: 'bad', dryRun: true });
    const detail =
      'withdrawn: no earlier target passes the gate, so agents stay where they are; client tools get 16.4.8, the newest earlier release that the control plane accepts';
    expect(dry.body.channels).toEqual([{ channel: 'eu', from: '17.0.1', to: null, detail }]);
    await api('POST', '/releases/17.0.1/pull', { reason: 'bad' });
    const channel = (await api('GET', '/channels/eu')).body;
    expect(channel).toMatchObject({ target: null, toolsVersion: null, toolsFallback: '16.4.8' });
    expect(await tools()).toBe('v16.4.8');
    // That one is pulled as well.
    const { body } = await api('POST', '/releases/16.4.8/pull', { reason: 'bad' });
    expect(body.channels).toMatchObject([{ channel: 'eu', to: null, detail: expect.stringContaining('get 16.4.7') }]);
    expect(await tools()).toBe('v16.4.7');
    await register('17.0.2');
    expect((await api('POST', '/channels/eu/roll-forward', { version: '17.0.2', reason: 'fixed' })).status).toBe(200);
    expect(await tools()).toBe('v17.0.2');
    expect((await api('GET', '/channels/eu')).body.toolsFallback).toBeUndefined();
  });

  it('do not get a release that is applied as pulled', async () => {
    const { served, set, register } = await started();
    await set('16.4.9');
    expect((await served())[0]).toBe('v16.4.9');
    await register('16.4.9', { embargoed: true });
    expect(await served()).toEqual(['v16.4.7', '16.4.7', true, '16.4.7']);
  });
});

describe('a version for client tools is refused', () => {
  it.each<[what: string, version: string, detail: RegExp]>([
    ['a pulled release', '16.4.8', /16\.4\.8 is refused for the client tools of stable\/cloud: 16\.4\.8 was pulled/],
    ['a release under embargo', '16.4.9', /under embargo; lift the embargo first/],
    ['a release without packages', '16.4.10', /packages of 16\.4\.10 are absent/],
    ['a kind that the channel does not accept', '16.5.0-rc.1', /of kind rc/],
  ])('for %s', async (_, version, detail) => {
    const { api, served, set, register } = await started();
    await api('POST', '/releases/16.4.8/pull', { reason: 'bad' });
    await register('16.4.9', { embargoed: true });
    await register('16.4.10', { artifacts: {} });
    for (const dryRun of [true, false]) expectProblem(await set(version, { dryRun }), 409, 'refused', detail);
    expectProblem(await api('PUT', '/channels/new', { toolsVersion: version }), 409, 'refused', /client tools of new/);
    expect((await served())[0]).toBe('v16.4.7');
  });

  it('if a strict catalogue does not have it, in the same words if the caller must not know of it', async () => {
    const { server, set, register } = await started({ compatibility: { catalogue: 'strict' } });
    const unknown = /16\.4\.9 is not in the catalogue of releases; register it first/;
    expectProblem(await set('16.4.9'), 409, 'refused', unknown);
    await register('16.4.9', { embargoed: true });
    const operator = operatorClient(server, 'operator');
    expectProblem(await operator('PUT', CHANNEL, { toolsVersion: '16.4.9' }), 409, 'refused', unknown);
  });

  it('if it is not a version', async () => {
    const { set } = await started();
    expectProblem(await set('16.4'), 422, 'invalid', /X\.Y\.Z/);
  });

  it('in a document too, checked against the releases of the document', async () => {
    const { server, served } = await started();
    const admin = operatorClient(server);
    const apply = (over: object) =>
      admin('POST', '/apply', { fairway: 1, channels: [{ name: 'stable/cloud', toolsVersion: '16.4.8' }], ...over });
    const pulled = { reason: 'it loses data', by: 'token:admin', at: '2024-11-12T00:00:00Z' };
    expectProblem(await apply({ releases: [{ version: '16.4.8', pulled }] }), 409, 'refused', /it loses data/);
    expect((await served())[0]).toBe('v16.4.7');
    expect((await apply({})).status).toBe(200);
    expect((await served())[0]).toBe('v16.4.8');
    expect((await admin('GET', '/export')).body.channels).toMatchObject([{ toolsVersion: '16.4.8' }]);
  });
});
