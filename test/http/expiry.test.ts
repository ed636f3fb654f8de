import { describe, expect, it, vi } from 'vitest';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
/** Long enough to be observed before it ends. */
const soon = () => new Date(Date.now() + 1_500).toISOString();

/** The end shows at most this much after it was due. */
const LATE = 1_000;

async function started() {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const revision = async () => (await api('GET', '/audit?limit=1')).body.entries[0].revision;
  const poll = async (path: string) => (await ask(server.publicUrl, path)).body;
  return { server, api, revision, poll };
}

describe('a critical mark with an end', () => {
  it('ends on time by itself, without a write', async () => {
    const { api, revision, poll } = await started();
    const until = soon();
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE', until });
    const before = await revision();
    expect(await poll('/v1/critical')).toBe('yes');
    expect(JSON.parse(await poll('/webapi/find')).auto_update.agent_update_jitter_seconds).toBe(10);
    await vi.waitFor(async () => expect(await poll('/v1/critical')).toBe('no'), { timeout: 5_000, interval: 10 });
    const late = Date.now() - Date.parse(until);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(LATE);
    expect(JSON.parse(await poll('/webapi/find')).auto_update.agent_update_jitter_seconds).toBe(60);
    expect((await api('GET', CHANNEL)).body.critical).toBeNull();
    expect(await revision()).toBe(before);
  });

  it('can be cleared earlier', async () => {
    const { api, poll } = await started();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE', until });
    expect((await api('GET', CHANNEL)).body.critical).toMatchObject({ until, reason: 'CVE', by: 'token:admin' });
    await api('POST', `${CHANNEL}/critical`, { critical: false, reason: 'done' });
    expect(await poll('/v1/critical')).toBe('no');
  });

  it('may be further ahead than a timer can wait', async () => {
    const { api, poll } = await started();
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE', until: '2099-01-01T00:00:00Z' });
    expect(await poll('/v1/critical')).toBe('yes');
  });
});

describe('a pin with an end', () => {
  it('keeps the target until then, and allows moves afterwards', async () => {
    const { api, revision } = await started();
    const until = soon();
    await api('POST', `${CHANNEL}/pin`, { reason: 'freeze', until });
    const before = await revision();
    const move = { version: '16.4.7', reason: 'test' };
    expect(await api('POST', `${CHANNEL}/roll-forward`, move)).toMatchObject({
      status: 409,
      body: { code: 'channel_pinned', detail: expect.stringMatching(/^\S+ is pinned until /) },
    });
    await vi.waitFor(async () => expect((await api('GET', CHANNEL)).body.pin).toBeNull(), {
      timeout: 5_000,
      interval: 10,
    });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect(await revision()).toBe(before);
    const moved = await api('POST', `${CHANNEL}/roll-forward`, move);
    expect(moved).toMatchObject({ status: 200, body: { channel: { target: '16.4.7', pin: null } } });
  });

  it('that has ended is in no answer', async () => {
    let clock = Date.now();
    const server = await startServer(QUICKSTART, { now: () => new Date(clock) });
    const api = operatorClient(server);
    await api('POST', `${CHANNEL}/pin`, { reason: 'freeze', until: new Date(clock + 60_000).toISOString() });
    clock += 61_000;
    const expected = { pin: null };
    expect((await api('GET', CHANNEL)).body).toMatchObject(expected);
    expect((await api('GET', '/channels')).body.channels[0]).toMatchObject(expected);
    expect((await api('PUT', CHANNEL, { description: 'x' })).body).toMatchObject(expected);
    const marked = await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'test' });
    expect(marked.body.channel).toMatchObject(expected);
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain('pinned="no"');
  });
});

describe('an end', () => {
  it.each(['pin', 'critical'])('in the past is refused for %s', async (verb) => {
    const { api } = await started();
    const until = '2020-01-01T00:00:00Z';
    const reply = await api('POST', `${CHANNEL}/${verb}`, {
      reason: 'x',
      until,
      ...(verb === 'critical' && { critical: true }),
    });
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringContaining(until) } });
  });
});
