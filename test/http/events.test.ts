import { describe, expect, it } from 'vitest';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

/** Opens a stream; `until` returns the received text once it contains `text`. */
async function listen(server: TestServer, signal?: AbortSignal, token: string = TOKENS.viewer) {
  const response = await fetch(`${server.operatorUrl}/api/v1/events`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: signal ?? null,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = '';
  const until = async (text: string) => {
    while (!received.includes(text)) {
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      if (done) throw new Error(`the stream ended before ${text}: ${received}`);
      received += value;
    }
    return received;
  };
  return { response, until, cancel: () => reader?.cancel() };
}

describe('the stream of events', () => {
  it('announces the revision at once, and each change as it happens', async () => {
    const server = await startServer(QUICKSTART);
    const api = operatorClient(server);
    const { response, until, cancel } = await listen(server);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await until('data: {"revision":1}');
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'test' });
    await until('data: {"revision":2}');
    await api('PUT', '/control-planes/main', { version: '16.4.8' });
    const received = await until('data: {"revision":3}');
    expect(received).toMatch(/event: change\ndata: \{"revision":3\}\nid: 3\n\n/);
    await cancel();
  });

  it('announces no refused change and no dry run', async () => {
    const server = await startServer(QUICKSTART);
    const api = operatorClient(server);
    const { until, cancel } = await listen(server);
    await api('POST', `${CHANNEL}/roll-forward`, { version: '18.0.0', reason: 'test' });
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'test', dryRun: true });
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'test' });
    const received = await until('data: {"revision":2}');
    expect(received.match(/event: change/g)).toHaveLength(2);
    await cancel();
  });

  it('tells authors when their changes reach a stage, wait for a sign-off and are halted', async () => {
    const stages = [openStage('canary', { soak: '1ms', signOff: true }), openStage('internal')];
    const { server, register, act, api, until: comesTo } = await startStages(stages);
    const { until, cancel } = await listen(server);
    const manager = await listen(server, undefined, TOKENS['release-manager']);
    const change = { pr: 4711, title: 'Rework the recorder', author: 'zmb3' };
    await register(RELEASE, { changes: [{ ...change, significant: true }] });
    const said = (kind: string, stage: string, version = RELEASE) =>
      `"kind":"${kind}","release":"${version}","stage":"${stage}"`;
    const received = await until(said('awaits-sign-off', 'canary'));
    expect(received).toContain(`event: changes\ndata: {${said('awaits-sign-off', 'canary')}`);
    expect(received).toContain(`"changes":[${JSON.stringify(change)}]`);
    await api('POST', `/releases/${RELEASE}/changes/4711/sign-off`, { reason: 'tested' });
    await until(said('reached', 'canary'));
    await until(said('reached', 'internal'));
    await comesTo('internal', 'soaking');
    expect((await act('halt', { reason: 'it leaks' })).status).toBe(200);
    expect(await until(said('halted', 'internal'))).toContain('"reason":"it leaks"');
    // Those who must not know of an embargo learn nothing.
    const fix = { ...change, pr: 815, significant: true };
    await register(FIX, { embargoed: true, security: true, changes: [fix] });
    expect(await manager.until(said('awaits-sign-off', 'canary', FIX))).toContain('"pr":815');
    const { revision } = (await api('PUT', '/control-planes/main', { version: '16.4.7' })).body;
    expect(await until(`{"revision":${revision}}`)).not.toContain('815');
    await Promise.all([cancel(), manager.cancel()]);
  });

  it('is refused beyond 100 streams, and opens again once others are closed', { timeout: 30_000 }, async () => {
    const server = await startServer(QUICKSTART);
    const closing = new AbortController();
    const streams = [];
    for (let i = 0; i < 100; i++) streams.push(await listen(server, closing.signal));
    expect(streams.map(({ response }) => response.status)).toEqual(Array(100).fill(200));
    const refused = await operatorClient(server)('GET', '/events');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    closing.abort();
    await expect.poll(async () => (await listen(server)).response.status, { timeout: 5_000 }).toBe(200);
  });

  it('ends with the server, which does not wait for its clients', async () => {
    const server = await startServer({ ...QUICKSTART, shutdown: { deadline: '30s' } });
    const { until } = await listen(server);
    await until('revision');
    const ended = until('never').catch((error: Error) => error.message);
    await server.close();
    expect(await ended).toMatch(/ended|terminated|closed/);
  });
});
