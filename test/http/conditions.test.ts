import { describe, expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { expectProblem, stateOf } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

/** Each verb with a body that succeeds, on a channel that went from 16.4.3 to 16.4.6. */
const VERBS: [verb: string, body: Record<string, unknown>][] = [
  ['roll-forward', { version: '16.4.7', reason: 'test' }],
  ['roll-back', { reason: 'test' }],
  ['pin', { version: '16.4.7', reason: 'test' }],
  ['unpin', { reason: 'test' }],
  ['critical', { critical: true, reason: 'test' }],
  ['withdraw', { reason: 'test' }],
];

async function started() {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  await api('POST', `${CHANNEL}/roll-back`, { version: '16.4.3', reason: 'test' });
  const { body } = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.6', reason: 'test' });
  return { server, api, revision: body.channel.revision as number };
}

describe('a dry run', () => {
  it.each(VERBS)('of %s answers as if the change were made, and stores nothing', async (verb, body) => {
    const { server, api, revision } = await started();
    const before = await stateOf(server);
    const path = `${CHANNEL}/${verb}`;
    const byBody = await api('POST', path, { ...body, dryRun: true });
    const byQuery = await api('POST', `${path}?dryRun=true`, body);
    const byEither = await api('POST', `${path}?dryRun=false`, { ...body, dryRun: true });
    for (const reply of [byBody, byQuery, byEither]) {
      expect(reply).toMatchObject({ status: 200, body: { audit: null, channel: { revision } } });
    }
    expect(await stateOf(server)).toEqual(before);
    const real = await api('POST', `${path}?dryRun=false`, { ...body, dryRun: false });
    expect(real).toMatchObject({ status: 200, body: { audit: { action: verb } } });
    const { revision: _, updatedAt: __, critical, pin, served, hold, ...expected } = byBody.body.channel;
    expect(real.body.channel).toMatchObject(expected);
    expect(real.body.channel.hold).toEqual(hold && { ...hold, at: expect.any(String) });
    expect(real.body.report).toEqual(byBody.body.report);
    expect([Boolean(critical), Boolean(pin), served.length]).toEqual([
      Boolean(real.body.channel.critical),
      Boolean(real.body.channel.pin),
      real.body.channel.served.length,
    ]);
  });

  it('of check is a check', async () => {
    const { api } = await started();
    for (const path of [`${CHANNEL}/check`, `${CHANNEL}/check?dryRun=true`]) {
      expect(await api('POST', path, { version: '16.4.7', dryRun: true })).toMatchObject({ status: 200 });
    }
  });

  it('is refused with the same report as the change itself', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    const body = { version: '18.0.0', reason: 'test' };
    const dry = await api('POST', `${CHANNEL}/roll-forward?dryRun=true`, body);
    const real = await api('POST', `${CHANNEL}/roll-forward`, body);
    expectProblem(dry, 409, 'refused');
    expect(dry.body).toEqual(real.body);
    expect(await stateOf(server)).toEqual(before);
  });

  it('of a PUT or DELETE stores nothing', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    expect(await api('PUT', '/channels/new?dryRun=true', { target: '16.4.6' })).toMatchObject({
      status: 201,
      body: { name: 'new', target: '16.4.6' },
    });
    expect(await api('PUT', '/channels/new', { dryRun: true })).toMatchObject({ status: 201 });
    expect(await api('PUT', CHANNEL, { description: 'x', dryRun: true })).toMatchObject({
      status: 200,
      body: { description: 'x' },
    });
    expect(await api('DELETE', `${CHANNEL}?dryRun=true`)).toMatchObject({ status: 204 });
    expect(await api('PUT', '/control-planes/main', { version: '17.0.0', dryRun: true })).toMatchObject({
      status: 200,
      body: { version: '17.0.0' },
    });
    expect(await api('PUT', '/control-planes/new?dryRun=true', { version: '17.0.0' })).toMatchObject({ status: 201 });
    expect(await stateOf(server)).toEqual(before);
  });

  it.each(['yes', '1', 'TRUE', ''])('with the value %j is refused', async (value) => {
    const { server, api } = await started();
    const before = await stateOf(server);
    const reply = await api('POST', `${CHANNEL}/withdraw?dryRun=${value}`, { reason: 'test' });
    expectProblem(reply, 422, 'invalid', /dryRun/);
    expectProblem(await api('DELETE', `${CHANNEL}?dryRun=${value}`), 422, 'invalid', /dryRun/);
    expect(await stateOf(server)).toEqual(before);
  });
});

describe('If-Match', () => {
  const CHANGES: [name: string, method: string, path: string, body?: object][] = [
    ...VERBS.map(([verb, body]): [string, string, string, object] => [verb, 'POST', `${CHANNEL}/${verb}`, body]),
    ['PUT of a channel', 'PUT', CHANNEL, { description: 'x' }],
    ['DELETE of a channel', 'DELETE', CHANNEL],
  ];

  it.each(CHANGES)('protects %s', async (_, method, path, body) => {
    const { server, api, revision } = await started();
    const before = await stateOf(server);
    for (const wrong of [`"${revision - 1}"`, `"${revision + 1}"`, String(revision - 1)]) {
      const reply = await api(method, path, body, { 'If-Match': wrong });
      expectProblem(reply, 412, 'revision_mismatch', new RegExp(`revision ${revision}`));
    }
    for (const garbage of ['garbage', '""', '"1', `"${revision}" x`, '-1', '1e3', `"${'9'.repeat(40)}"`]) {
      expectProblem(await api(method, path, body, { 'If-Match': garbage }), 412, 'revision_mismatch');
    }
    expectProblem(await api(method, path, body, { 'If-None-Match': '*' }), 409, 'already_exists');
    expect(await stateOf(server)).toEqual(before);
    const right = await api(method, path, body, { 'If-Match': `"${revision}"` });
    expect([200, 204]).toContain(right.status);
  });

  it.each(['*', 'bare', 'weak'])('allows a change with %s', async (form) => {
    const { api, revision } = await started();
    const condition = { '*': '*', bare: String(revision), weak: `W/"${revision}"` }[form] ?? '';
    const reply = await api('POST', `${CHANNEL}/unpin`, { reason: 'test' }, { 'If-Match': condition });
    expect(reply.status).toBe(200);
  });

  it('is checked on a dry run too', async () => {
    const { api } = await started();
    const body = { reason: 'test', dryRun: true };
    expectProblem(await api('POST', `${CHANNEL}/withdraw`, body, { 'If-Match': '"1"' }), 412, 'revision_mismatch');
  });

  it.each(['"3"', 'garbage', '*'])(
    'of %s makes no channel and no control plane that did not exist',
    async (condition) => {
      const { server, api } = await started();
      const before = await stateOf(server);
      const headers = { 'If-Match': condition };
      expectProblem(await api('PUT', '/channels/new', {}, headers), 412, 'revision_mismatch');
      expectProblem(await api('PUT', '/control-planes/new', { version: '16.0.0' }, headers), 412, 'revision_mismatch');
      expect(await stateOf(server)).toEqual(before);
    },
  );

  it('protects a control plane', async () => {
    const { api } = await started();
    const { body, headers } = await api('GET', '/control-planes/main');
    const etag = headers.get('etag') ?? '';
    expect(etag).toBe(`"${body.revision}"`);
    const put = (condition: string) =>
      api('PUT', '/control-planes/main', { version: '16.4.8' }, { 'If-Match': condition });
    expectProblem(await put('"99"'), 412, 'revision_mismatch');
    expect(await put(etag)).toMatchObject({ status: 200, body: { version: '16.4.8' } });
    expectProblem(await put(etag), 412, 'revision_mismatch');
  });

  it('protects the whole state', async () => {
    const { server, api } = await started();
    const document = { fairway: 1, controlPlanes: [{ name: 'main', version: '16.4.9' }] };
    const before = await stateOf(server);
    for (const wrong of ['"1"', 'garbage']) {
      expectProblem(await api('POST', '/apply', document, { 'If-Match': wrong }), 412, 'revision_mismatch', /export/);
    }
    expect(await stateOf(server)).toEqual(before);
    const { body } = await api('GET', '/audit?limit=1');
    const right = { 'If-Match': `"${body.entries[0].revision}"` };
    expect(await api('POST', '/apply', document, right)).toMatchObject({ status: 200 });
    expect(await api('POST', '/apply', document, { 'If-Match': '*' })).toMatchObject({ status: 200 });
  });
});

describe('If-None-Match: *', () => {
  it('makes a PUT create only', async () => {
    const { api } = await started();
    const headers = { 'If-None-Match': '*' };
    expect(await api('PUT', '/channels/new', {}, headers)).toMatchObject({ status: 201 });
    expectProblem(await api('PUT', '/channels/new', {}, headers), 409, 'already_exists');
    const report = () => api('PUT', '/control-planes/new', { version: '16.0.0' }, headers);
    expect(await report()).toMatchObject({ status: 201 });
    expectProblem(await report(), 409, 'already_exists');
  });
});
