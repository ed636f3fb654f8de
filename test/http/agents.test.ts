import { describe, expect, it, vi } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { hashToken } from '../../src/config/settings.ts';
import { instanceId, inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const IMPORT = '/inventory?channel=stable%2Fcloud';
const TOKEN = 'enrolment-token-of-the-agents';
const ENROLLED: Raw = { fleet: { enrolment: { mode: 'token', tokens: [{ name: 'a', sha256: hashToken(TOKEN) }] } } };

async function started(settings: Raw = {}, token = '') {
  const server = await startServer(merge(merge(QUICKSTART, { fleet: { flushEvery: '20ms' } }), settings));
  const api = operatorClient(server);
  await api('PUT', '/channels/other', { target: '16.4.6' });
  await api('POST', IMPORT, inventory());
  const checkIn = async (id: string, version: string, channel = 'stable/cloud') => {
    const headers = token === '' ? [] : [`Agent-Token: ${token}`];
    const query = `host=${id}&agent_version=${version}&updater=unit&group=prod`;
    await ask(server.publicUrl, `/v1/${channel}/version?${query}`, { headers });
    return vi.waitFor(async () => {
      const { body } = await api('GET', `/agents/${id}`);
      const seen = expect.objectContaining({ source: 'check-ins', version, channel });
      expect(body).toMatchObject({ channel, sources: expect.arrayContaining([seen]) });
      return body;
    });
  };
  return { server, api, checkIn };
}

describe('agents', () => {
  it.each<[query: string, count: number]>([
    // With the agent whose version cannot be read, which may be older than any.
    ['', 237],
    ['channel=stable/cloud', 237],
    ['channel=other', 0],
    ['version=?', 1],
    ['version=16.4', 0],
    ['version=16.4.6', 120],
    ['version=v16.4.6', 120],
    ['version=16.4.7', 0],
    ['olderThan=16.0.0', 22],
    ['olderThan=v15.4.9', 7],
    ['olderThan=15.4.7', 1],
    ['channel=stable/cloud&olderThan=16.4.3&version=16.3.0', 25],
  ])('are listed by ?%s, page after page, each once', async (query, count) => {
    const { api } = await started();
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await api('GET', `/agents?${query}&limit=40${next}`);
      expect(status).toBe(200);
      expect(body.agents.length).toBeLessThanOrEqual(40);
      ids.push(...body.agents.map(({ id }: { id: string }) => id));
      cursor = body.cursor;
    } while (cursor !== null);
    expect(ids).toHaveLength(count);
    expect(new Set(ids).size).toBe(count);
  });

  it('are 50 a page unless asked for otherwise', async () => {
    const { api } = await started();
    expect((await api('GET', '/agents')).body.agents.length).toBeLessThanOrEqual(50);
    expect((await api('GET', '/agents?limit=500')).body.agents.length).toBe(237);
  });

  it.each(['x', '%00', '\u{1F600}', 'a'.repeat(200), '{}', '0'])(
    'are listed without an error for the cursor %s',
    async (cursor) => {
      const { api } = await started();
      const reply = await api('GET', `/agents?cursor=${encodeURIComponent(cursor)}`);
      expect([200, 422]).toContain(reply.status);
    },
  );

  it('show what each source reports, the newest first', async () => {
    const { api, checkIn } = await started(ENROLLED, TOKEN);
    const agent = await checkIn(instanceId(0), '16.4.7');
    expect(agent).toMatchObject({ id: instanceId(0), version: '16.4.7', updater: 'unit', group: 'prod' });
    expect(agent.sources).toMatchObject([
      { source: 'check-ins', version: '16.4.7', at: agent.lastSeen },
      { source: 'inventory', version: '16.4.6', updater: 'unit', updaterVersion: '16.4.6' },
    ]);
    expect((await api('GET', '/agents?version=16.4.7')).body.agents).toEqual([agent]);
  });

  it('count at what an inventory says where anyone could have sent a newer check-in', async () => {
    const { api, checkIn } = await started();
    const agent = await checkIn(instanceId(0), '16.4.7');
    expect(agent).toMatchObject({ version: '16.4.6', sources: [{ version: '16.4.7', proven: false }, {}] });
    // It is found at both versions at which the census counts it.
    const idsAt = async (version: string) =>
      (await api('GET', `/agents?version=${version}&limit=500`)).body.agents.map(({ id }: { id: string }) => id);
    expect(await idsAt('16.4.7')).toEqual([instanceId(0)]);
    expect(await idsAt('16.4.6')).toContain(instanceId(0));
    const { versions, agents } = (await api('GET', '/census?channel=stable%2Fcloud')).body;
    expect(versions).toContainEqual({ version: '16.4.7', count: 1 });
    expect(agents).toBe(237);
    const { because } = (await api('GET', `/agents/${instanceId(0)}/explain`)).body;
    expect(because).toContain('it may run 16.4.7 instead, so it counts there as well');
    // A check-in may make it older, because that loosens nothing.
    expect(await checkIn(instanceId(1), '15.4.9')).toMatchObject({ version: '15.4.9' });
  });
});

describe('the census', () => {
  it('of all channels has each channel', async () => {
    const { api } = await started();
    const { status, body } = await api('GET', '/census');
    expect(status).toBe(200);
    const agents = body.channels.map(({ channel, agents }: { channel: string; agents: number }) => [channel, agents]);
    expect(Object.fromEntries(agents)).toEqual({ 'stable/cloud': 237, other: 0 });
  });

  it('counts an agent once if it is in the inventory and also checks in', async () => {
    const { api, checkIn } = await started();
    await checkIn(instanceId(0), '16.4.6');
    await checkIn('newcomer', '16.4.6');
    const { body } = await api('GET', '/census?channel=stable%2Fcloud');
    expect(body.agents).toBe(238);
    const sources = body.sources.map(({ source, agents, complete }: Record<string, unknown>) => [
      source,
      agents,
      complete,
    ]);
    expect(sources).toEqual([
      ['inventory', 237, true],
      ['check-ins', 2, false],
    ]);
  });
});

describe('the explanation', () => {
  it('names the version that an agent gets, and why', async () => {
    const { api, checkIn } = await started();
    await checkIn('a', '16.4.3');
    const explain = async (id = 'a') => (await api('GET', `/agents/${id}/explain`)).body;
    const channel = (await api('GET', CHANNEL)).body;
    expect(await explain()).toMatchObject({
      agent: { id: 'a', version: '16.4.3' },
      channel: 'stable/cloud',
      told: { version: 'v16.4.6', critical: 'no' },
      target: '16.4.6',
      critical: null,
      pin: null,
      plan: null,
      revision: channel.revision,
      because: expect.stringMatching(/behind.*16\.4\.6/),
    });
    await checkIn('b', '16.4.6');
    expect((await explain('b')).because).toMatch(/at the target/);
    await checkIn('c', '16.4.7');
    expect((await explain('c')).because).toMatch(/ahead.*back to 16\.4\.6/);
    await api('POST', `${CHANNEL}/pin`, { reason: 'incident 12' });
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE-1' });
    expect(await explain()).toMatchObject({
      told: { critical: 'yes' },
      pin: { reason: 'incident 12' },
      critical: { reason: 'CVE-1' },
      because: expect.stringMatching(/incident 12.*CVE-1/),
    });
    await api('POST', `${CHANNEL}/unpin`, { reason: 'test' });
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'test' });
    expect(await explain()).toMatchObject({
      told: { version: 'none', critical: 'no' },
      target: null,
      because: expect.stringMatching(/withdrawn at 20.* UTC, so the agent stays.*held by token admin: test/),
    });
  });

  it('says so if the channel is gone', async () => {
    const { api, checkIn } = await started();
    await checkIn('a', '16.4.3', 'other');
    // The agent keeps the channel in use while it is counted there.
    expectProblem(await api('DELETE', '/channels/other'), 409, 'channel_in_use', /^1 enrolled agent follows other/);
    await api('DELETE', '/agents/a?reason=gone');
    expect(await api('DELETE', '/channels/other')).toMatchObject({ status: 204 });
  });

  it.each(['a%2Fb', '%00', 'a%20b', '..%2F..', '%F0%9F%98%80'])(
    'of an agent with the id %s is not found',
    async (id) => {
      const { api } = await started();
      for (const [method, path] of [
        ['GET', `/agents/${id}`],
        ['GET', `/agents/${id}/explain`],
        ['DELETE', `/agents/${id}`],
      ] as const) {
        expect([404, 422]).toContain((await api(method, path)).status);
      }
    },
  );
});

describe('a forgotten agent', () => {
  it('is gone until it is seen again', async () => {
    const { api, checkIn } = await started();
    await checkIn('a', '15.0.0');
    expect((await api('POST', `${CHANNEL}/check`, { version: '16.4.7' })).body.agents).toBe(238);
    expectProblem(await api('DELETE', '/agents/a'), 422, 'invalid', /reason/);
    expect(await api('DELETE', '/agents/a?reason=gone')).toMatchObject({ status: 204, body: '' });
    expectProblem(await api('GET', '/agents/a'), 404, 'not_found');
    expectProblem(await api('DELETE', '/agents/a?reason=gone'), 404, 'not_found');
    expect((await api('GET', '/census?channel=stable%2Fcloud')).body.agents).toBe(237);
    await checkIn('a', '16.4.6');
  });
});
