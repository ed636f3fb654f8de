import { describe, expect, it } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { operatorClient, startServer } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNELS: Raw = {
  webapi: { clusterName: 'example.teleport.sh', edition: 'oss', fips: true, toolsAutoUpdate: true },
  bootstrap: {
    controlPlanes: { main: '17.0.1' },
    channels: [
      { name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' },
      { name: 'staging', target: '16.4.7', controlPlane: 'main', versionPrefix: '' },
      { name: 'withdrawn', target: '16.1.8', controlPlane: 'main' },
      { name: 'urgent', target: '16.4.3', controlPlane: 'main' },
      { name: 'alone', target: '15.4.9' },
      { name: 'old', target: '1.3.0' },
      { name: 'empty' },
    ],
  },
};

const WITHDRAWN = { agent_version: '', agent_auto_update: false, tools_auto_update: false };

/** The fields that v2 clients read. */
async function find(url: string, target: string) {
  const reply = await ask(url, target);
  expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
  return JSON.parse(reply.body);
}

describe('/webapi/find', () => {
  const server = sharedServer(CHANNELS, {}, async (running) => {
    const api = operatorClient(running);
    await api('POST', '/channels/withdrawn/withdraw', { reason: 'test' });
    await api('POST', '/channels/urgent/critical', { critical: true, reason: 'test' });
  });

  const DEFAULT = {
    server_version: '17.0.1',
    min_client_version: '16.0.0-aa',
    cluster_name: 'example.teleport.sh',
    edition: 'oss',
    fips: true,
    auto_update: {
      tools_version: '16.4.6',
      tools_auto_update: true,
      agent_version: '16.4.6',
      agent_auto_update: true,
      agent_update_jitter_seconds: 60,
    },
  };

  it.each([
    '/webapi/find',
    '/v1/webapi/find',
    '/webapi/ping',
    '/v1/webapi/ping',
    '/webapi/find/',
    '//v1//webapi//find',
    '/webapi/find?host=1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    '/webapi/find?group=',
    '/webapi/find?group=nobody-made-this',
    '/webapi/find?group=default',
    '/webapi/find?update_id=1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    '/webapi/find?group=__proto__',
    '/webapi/find?group=stable%2Fcloud',
    '/webapi/find?group=stable/cloud',
  ])('answers %s for the default channel with exactly the fields that clients read', async (target) => {
    expect(await find(server().publicUrl, target)).toEqual(DEFAULT);
  });

  it.each<[group: string, expected: object]>([
    ['staging', { agent_version: '16.4.7', agent_auto_update: true, agent_update_jitter_seconds: 60 }],
    // in any spelling
    ['STAGING', { agent_version: '16.4.7', agent_auto_update: true }],
    // no version: two clients install what is named, whether or not they are told to update
    ['withdrawn', WITHDRAWN],
    ['urgent', { agent_version: '16.4.3', agent_auto_update: true, agent_update_jitter_seconds: 10 }],
    ['alone', { agent_version: '15.4.9' }],
    // with nothing to update to
    ['empty', WITHDRAWN],
  ])('treats the group %s as the channel of that name', async (group, expected) => {
    for (const path of ['/webapi/find', '/v1/webapi/ping']) {
      const document = await find(server().publicUrl, `${path}?group=${group}&host=h1`);
      expect(document.auto_update).toMatchObject(expected);
      if (expected === WITHDRAWN) expect(document.auto_update).not.toHaveProperty('tools_version');
    }
  });

  it.each(['alone', 'old', 'empty'])(
    'leaves out the version of the control plane of %s, which is unknown',
    async (group) => {
      const document = await find(server().publicUrl, `/webapi/find?group=${group}`);
      expect(document).not.toHaveProperty('server_version');
      expect(document).not.toHaveProperty('min_client_version');
    },
  );

  it('never names a version with a prefix', async () => {
    for (const group of ['stable/cloud', 'staging', 'withdrawn', 'urgent', 'alone', 'empty']) {
      const { body } = await ask(server().publicUrl, `/webapi/find?group=${group}`);
      expect(body).not.toMatch(/"v\d/);
    }
  });

  it.each(['/webapi/fin', '/webapi/find/x', '/v1/v1/webapi/find', '/webapi', '/WEBAPI/find', '/webapi%252Ffind'])(
    'does not answer %s',
    async (target) => {
      expect(await ask(server().publicUrl, target)).toMatchObject({ status: 404 });
    },
  );
});

describe('/webapi/find of the shipped settings', () => {
  it('updates no client tools, and leaves out an edition that no one has set', async () => {
    const server = await startServer({ bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6' }] } });
    expect(await find(server.publicUrl, '/webapi/find')).toEqual({
      cluster_name: 'fairway',
      fips: false,
      auto_update: {
        tools_version: '16.4.6',
        tools_auto_update: false,
        agent_version: '16.4.6',
        agent_auto_update: true,
        agent_update_jitter_seconds: 60,
      },
    });
  });
});

describe('/webapi/find of mapped groups', () => {
  const server = sharedServer({
    ...CHANNELS,
    groups: { 'Prod-EU': { channel: 'staging' }, lost: { channel: 'gone' } },
  });

  it.each([
    ['Prod-EU', '16.4.7'],
    ['prod-eu', '16.4.7'],
    // a mapping to a channel that does not exist counts for nothing
    ['lost', '16.4.6'],
  ])('serves %s %s', async (group, version) => {
    const { auto_update } = await find(server().publicUrl, `/webapi/find?group=${group}`);
    expect(auto_update).toMatchObject({ agent_version: version });
  });
});

describe('/webapi/find after a change', () => {
  it('changes with a new target, a new control plane and a withdrawal', async () => {
    const server = await startServer(CHANNELS);
    const api = operatorClient(server);
    const channel = '/channels/stable%2Fcloud';
    await api('POST', `${channel}/roll-forward`, { version: '16.4.7', reason: 'test', critical: true });
    expect((await find(server.publicUrl, '/webapi/find')).auto_update).toMatchObject({
      agent_version: '16.4.7',
      agent_update_jitter_seconds: 10,
    });
    await api('PUT', '/control-planes/main', { version: '17.0.2' });
    expect(await find(server.publicUrl, '/webapi/find')).toMatchObject({ server_version: '17.0.2' });
    await api('POST', `${channel}/withdraw`, { reason: 'test' });
    expect((await find(server.publicUrl, '/webapi/find')).auto_update).toMatchObject({
      agent_version: '',
      agent_auto_update: false,
      tools_auto_update: false,
    });
  });

  it('changes its tag only with its content', async () => {
    const server = await startServer(CHANNELS);
    const api = operatorClient(server);
    const tag = async () => (await ask(server.publicUrl, '/webapi/find')).headers.etag;
    const before = await tag();
    await api('PUT', '/channels/stable%2Fcloud', { description: 'says nothing to agents' });
    expect(await tag()).toBe(before);
    await api('POST', '/channels/stable%2Fcloud/critical', { critical: true, reason: 'test' });
    expect(await tag()).not.toBe(before);
  });
});
