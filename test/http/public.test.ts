import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';
import { ask, exchange, parseReplies, requestBytes } from './wire.ts';

const CHANNELS: Raw = {
  bootstrap: {
    controlPlanes: { main: '16.4.7' },
    channels: [
      { name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' },
      { name: 'stable/cloud/v17', target: '17.0.0-cloud.20241112T101530.1a2b3c4' },
      { name: 'plain', target: '16.4.3', versionPrefix: '' },
      { name: 'withdrawn', target: '16.1.8' },
      { name: 'urgent', target: '16.4.7' },
      { name: 'a.b-c_d', target: '15.4.10' },
      { name: 'v1', target: '1.3.0' },
      { name: 'empty' },
    ],
  },
};

const prepare = async (server: Awaited<ReturnType<typeof startServer>>) => {
  const api = operatorClient(server);
  await api('POST', '/channels/withdrawn/withdraw', { reason: 'test' });
  await api('POST', '/channels/urgent/critical', { critical: true, reason: 'test' });
};

describe('the public listener', () => {
  const server = sharedServer(CHANNELS, {}, prepare);

  const ANSWERS: [path: string, body: string][] = [
    // RFD 109, with slashes in the channel's name
    ['/v1/stable/cloud/version', 'v16.4.6'],
    ['/v1/stable/cloud/critical', 'no'],
    ['/v1/stable/cloud/v17/version', 'v17.0.0-cloud.20241112T101530.1a2b3c4'],
    ['/v1/a.b-c_d/version', 'v15.4.10'],
    ['/v1/v1/version', 'v1.3.0'],
    // the default channel
    ['/v1/version', 'v16.4.6'],
    ['/v1/critical', 'no'],
    // absolute targets, as for a proxy
    ['/v1/webapi/automaticupgrades/channel/stable/cloud/version', 'v16.4.6'],
    ['/v1/webapi/automaticupgrades/channel/stable/cloud/critical', 'no'],
    ['/webapi/automaticupgrades/channel/stable/cloud/version', 'v16.4.6'],
    ['/webapi/automaticupgrades/channel/urgent/critical', 'yes'],
    ['/webapi/automaticupgrades/channel/v1/version', 'v1.3.0'],
    // doubled and trailing slashes
    ['/v1/stable/cloud//version', 'v16.4.6'],
    ['/v1/stable/cloud/version/', 'v16.4.6'],
    ['//v1///stable//cloud//critical//', 'no'],
    ['/webapi//automaticupgrades/channel//stable/cloud/version/', 'v16.4.6'],
    // percent-encoding, decoded once
    ['/v1/stable%2Fcloud/version', 'v16.4.6'],
    ['/v1/stable%2fcloud%2fversion', 'v16.4.6'],
    ['/v1/%73table/cloud/%76ersion', 'v16.4.6'],
    ['/webapi/automaticupgrades/channel/stable%2Fcloud/critical', 'no'],
    // a query that is ignored
    ['/v1/stable/cloud/version?', 'v16.4.6'],
    ['/v1/stable/cloud/version?x=1&host=&%%%', 'v16.4.6'],
    ['/v1/version/?a=/v1/plain/version', 'v16.4.6'],
    // settings and states
    ['/v1/plain/version', '16.4.3'],
    ['/v1/urgent/version', 'v16.4.7'],
    ['/v1/urgent/critical', 'yes'],
    ['/v1/withdrawn/version', 'none'],
    ['/v1/withdrawn/critical', 'no'],
    ['/v1/empty/version', 'none'],
    ['/v1/empty/critical', 'no'],
    // the form that a proxy sends (RFC 9112, 3.2.2)
    ['http://fairway.test/v1/stable/cloud/version', 'v16.4.6'],
    ['https://fairway.test:443/v1/version?x=1', 'v16.4.6'],
  ];

  it.each(ANSWERS)('answers %s with exactly %s', async (path, body) => {
    const reply = await ask(server().publicUrl, path);
    expect(reply).toMatchObject({
      status: 200,
      body,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length) },
    });
    expect(reply.headers).not.toHaveProperty('transfer-encoding');
  });

  it.each(ANSWERS)('answers HEAD %s with the headers of a GET and no body', async (path) => {
    const [get, head] = [await ask(server().publicUrl, path), await exchangeHead(path)];
    expect(head).toMatchObject({ status: 200, body: '' });
    const { date: _, ...expected } = get.headers;
    expect(head.headers).toMatchObject(expected);
  });

  async function exchangeHead(path: string) {
    const bytes = await exchange(server().publicUrl, requestBytes(path, { method: 'HEAD' }));
    expect(bytes.endsWith('\r\n\r\n')).toBe(true);
    return parseReplies(bytes, ['HEAD'])[0] as ReturnType<typeof parseReplies>[number];
  }

  it.each([
    '/',
    '/v1',
    '/v1/',
    '/version',
    '/stable/cloud/version',
    '/v1/unknown/version',
    '/v1/stable/version',
    '/v1/stable/cloud',
    '/v1/stable/cloud/',
    '/v1/stable/cloud/tools',
    '/v1/stable/cloud/versions',
    '/v1/stable/cloud/Version',
    '/v1/STABLE/cloud/version',
    '/v1/stable/cloud/version/critical',
    '/v2/stable/cloud/version',
    '/V1/stable/cloud/version',
    '/v1/v1/stable/cloud/version',
    '/v1/stable%252Fcloud/version',
    '/v1/stable%25%32%46cloud/version',
    '/v1/stable\\cloud/version',
    '/v1/stable/./cloud/version',
    '/v1/plain/../stable/cloud/version',
    '/v1/stable/cloud%20/version',
    '/v1/stable/cloud/version%0A',
    '/v1/stable/cloud/version%00',
    '/v1/stable/cloud/version#top',
    '/v1/stable/cloud;x/version',
    '/v1/__proto__/version',
    '/v1/constructor/version',
    '/webapi/automaticupgrades/channel/version',
    '/webapi/automaticupgrades/channel/unknown/version',
    '/webapi/automaticupgrades/stable/cloud/version',
    '/v1/webapi/version',
    '/webapi/version',
    '/api/v1/channels',
    '/metrics',
    '/openapi.json',
    '/readyz',
    '/dashboard',
  ])('answers 404 to %s, with nothing that could be mistaken for a version', async (path) => {
    const reply = await ask(server().publicUrl, path);
    expect(reply.status).toBe(404);
    expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    expect(reply.body).not.toMatch(/^v?\d|^none$|^yes$|^no$|<html/i);
    expect(reply.body).not.toBe('');
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH'])(
    'answers %s with 405 on any path, and names the allowed methods',
    async (method) => {
      for (const path of ['/v1/stable/cloud/version', '/v1/unknown/version', '/webapi/find', '/']) {
        const reply = await ask(server().publicUrl, path, { method });
        expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      }
    },
  );

  it('tells caches how long an answer is valid, and its revision of the channel', async () => {
    const { body: channel } = await operatorClient(server())('GET', '/channels/stable%2Fcloud');
    for (const path of ['/v1/stable/cloud/version', '/v1/critical', '/webapi/find']) {
      const { headers } = await ask(server().publicUrl, path);
      expect(headers).toMatchObject({
        'cache-control': 'public, max-age=30, stale-if-error=86400',
        'fairway-revision': String(channel.revision),
        etag: expect.stringMatching(/^"[^"]+"$/),
      });
    }
  });

  it.each<[name: string, condition: (etag: string) => string, status: number]>([
    ['the strong tag', (etag) => etag, 304],
    ['the weak tag', (etag) => `W/${etag}`, 304],
    ['a list that holds it', (etag) => `"other", ${etag},W/"third"`, 304],
    ['a list that holds its weak form', (etag) => `"other",W/${etag}`, 304],
    ['anything', () => '*', 304],
    ['anything, with spaces around', () => ' * ', 304],
    ['another tag', () => '"v1.0.0"', 200],
    ['a list of others', () => '"a", "b"', 200],
    ['the tag without quotes', (etag) => etag.slice(1, -1), 200],
    ['nothing', () => '', 200],
    ['garbage', () => ',,"', 200],
  ])('answers a GET that names %s in If-None-Match', async (_, condition, status) => {
    for (const path of ['/v1/stable/cloud/version', '/v1/stable/cloud//critical', '/webapi/find']) {
      const fresh = await ask(server().publicUrl, path);
      const headers = [`If-None-Match: ${condition(fresh.headers.etag ?? '')}`];
      const reply = await ask(server().publicUrl, path, { headers });
      expect(reply.status).toBe(status);
      expect(reply.body).toBe(status === 304 ? '' : fresh.body);
      const { etag, 'cache-control': cache, 'fairway-revision': revision } = fresh.headers;
      expect(reply.headers).toMatchObject({ etag, 'cache-control': cache, 'fairway-revision': revision });
      if (status === 304) expect(reply.headers).not.toHaveProperty('content-type');
    }
  });

  it('gives a HEAD the same 304 as a GET', async () => {
    const client = request(server().publicUrl);
    const { headers } = await client.head('/v1/version');
    await client.head('/v1/version').set('If-None-Match', String(headers.etag)).expect(304);
  });

  it('answers /healthz', async () => {
    expect(await ask(server().publicUrl, '/healthz')).toMatchObject({ status: 200, body: 'ok' });
    expect(await ask(server().publicUrl, '/healthz/')).toMatchObject({ status: 200, body: 'ok' });
    await request(server().publicUrl).post('/healthz').expect(405);
  });
});

describe('an answer', () => {
  it('changes with its tag and revision as soon as the change is acknowledged', async () => {
    const { publicUrl, ...server } = await startServer(CHANNELS);
    const api = operatorClient({ publicUrl, ...server });
    const before = await ask(publicUrl, '/v1/stable/cloud/version');
    const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: 'v16.4.7', reason: 'test' });
    const headers = [`If-None-Match: ${before.headers.etag}`];
    const after = await ask(publicUrl, '/v1/stable/cloud/version', { headers });
    expect(after).toMatchObject({ status: 200, body: 'v16.4.7' });
    expect(after.headers['fairway-revision']).toBe(String(moved.body.channel.revision));
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });

  it('changes with a prefix that is turned off and on again', async () => {
    const server = await startServer(CHANNELS);
    const api = operatorClient(server);
    const bodies: string[] = [];
    for (const versionPrefix of ['', 'v']) {
      await api('PUT', '/channels/stable%2Fcloud', { versionPrefix });
      bodies.push((await ask(server.publicUrl, '/v1/stable/cloud/version')).body);
    }
    expect(bodies).toEqual(['16.4.6', 'v16.4.6']);
  });

  it('is gone with its channel', async () => {
    const server = await startServer(CHANNELS);
    expect(await operatorClient(server)('DELETE', '/channels/plain')).toMatchObject({ status: 204 });
    for (const path of ['/v1/plain/version', '/v1//plain/version', '/v1/plain/critical']) {
      expect(await ask(server.publicUrl, path)).toMatchObject({ status: 404 });
    }
  });

  it('is that of another default channel if the settings name one', async () => {
    const server = await startServer({ ...CHANNELS, defaultChannel: 'plain' });
    expect(await ask(server.publicUrl, '/v1/version')).toMatchObject({ status: 200, body: '16.4.3' });
  });

  it('is a 404 for the default channel until it is created', async () => {
    const server = await startServer();
    for (const path of ['/v1/version', '/v1/critical', '/webapi/find', '/webapi/ping?group=x']) {
      expect(await ask(server.publicUrl, path)).toMatchObject({ status: 404 });
    }
  });
});

describe('a server that never loaded any state', () => {
  const NOWHERE = 'redis://127.0.0.1:1';

  it('answers 503 with Retry-After to every poll, and stays alive', async () => {
    const { publicUrl } = await startServer({ redisUrl: NOWHERE, dataDir: temporaryDirectory() });
    for (const path of ['/v1/version', '/v1/stable/cloud/critical', '/webapi/find', '/v1/unknown/version']) {
      const reply = await ask(publicUrl, path);
      expect(reply).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) } });
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.body).not.toMatch(/^v?\d|^none$|^yes$|^no$/);
    }
    expect(await ask(publicUrl, '/healthz')).toMatchObject({ status: 200 });
    expect(await ask(publicUrl, '/v1/version', { method: 'POST' })).toMatchObject({ status: 405 });
  });

  it('serves its saved state if it starts while Redis is away', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const dataDir = temporaryDirectory();
    const first = await startServer({ ...CHANNELS, dataDir, redisUrl: redis.url });
    await operatorClient(first)('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    await first.close();
    await redis.kill();
    const second = await startServer({ dataDir, redisUrl: redis.url });
    expect(await ask(second.publicUrl, '/v1/stable/cloud/version')).toMatchObject({ status: 200, body: 'v16.4.7' });
    const refused = await operatorClient(second)('POST', '/channels/plain/withdraw', { reason: 'test' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  });
});
