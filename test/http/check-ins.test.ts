import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { ask } from './wire.ts';

const CHANNELS: Raw = {
  fleet: { flushEvery: '20ms' },
  bootstrap: {
    channels: [
      { name: 'stable/cloud', target: '16.4.6' },
      { name: 'staging', target: '16.4.7' },
    ],
  },
};
const CHECK = '/channels/stable%2Fcloud/check';
const NEVER: Raw = { fleet: { flushEvery: '1h' } };

const ID = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';

/** The value of a metric's one series. */
async function metric(server: TestServer, series: string): Promise<number> {
  const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

describe('a check-in', () => {
  const SAID = {
    version: '16.4.3',
    updater: 'kube',
    updaterVersion: '16.4.2',
    group: 'prod',
  };
  const HEADERS = [
    `Agent-Id: ${ID}`,
    'Agent-Version: v16.4.3',
    'Updater-Kind: kube',
    'Updater-Version: 16.4.2',
    'Agent-Group: prod',
  ];
  const QUERY = `host=${ID}&agent_version=16.4.3&updater=kube&updater_version=v16.4.2&group=prod`;

  it.each<[name: string, target: string, headers: string[], channel: string]>([
    ['headers', '/v1/stable/cloud/version', HEADERS, 'stable/cloud'],
    ['a query', `/v1/stable/cloud/version?${QUERY}`, [], 'stable/cloud'],
    ['both, of which headers win', `/v1/version?host=x&agent_version=1.0.0&group=y`, HEADERS, 'stable/cloud'],
    ['both, each a part', `/v1/critical?host=${ID}&group=prod`, HEADERS.slice(1, 4), 'stable/cloud'],
    ['a poll of another channel', '/webapi/automaticupgrades/channel/staging/critical', HEADERS, 'staging'],
    ['headers in lower case', '/v1/version', HEADERS.map((header) => header.toLowerCase()), 'stable/cloud'],
    ['a v2 poll', `/webapi/find?${QUERY}`, [], 'stable/cloud'],
    ['a poll that is answered 304', '/v1/staging/version', [...HEADERS, 'If-None-Match: *'], 'staging'],
  ])('by %s makes the agent known', async (_, target, headers, channel) => {
    const server = await startServer(CHANNELS);
    const api = operatorClient(server);
    expect((await ask(server.publicUrl, target, { headers })).status).toBeLessThan(400);
    const agent = await vi.waitFor(async () => {
      const reply = await api('GET', `/agents/${ID}`);
      expect(reply.status).toBe(200);
      return reply.body;
    });
    expect(agent).toMatchObject({ id: ID, channel, ...SAID });
    expect(agent.sources).toMatchObject([{ source: 'check-ins', channel, ...SAID, at: agent.lastSeen }]);
    const { body: census } = await api('GET', `/census?channel=${encodeURIComponent(channel)}`);
    expect(census).toMatchObject({ agents: 1, versions: [{ version: '16.4.3', count: 1 }] });
    expect(await metric(server, 'fairway_checkins_total')).toBe(1);
  });

  it('is merged with earlier ones of its agent, the newest wins', async () => {
    const server = await startServer(merge(CHANNELS, NEVER));
    const polls = [
      ['stable/cloud', '15.4.9'],
      ['staging', '16.1.8'],
      ['staging', '16.4.7'],
    ];
    for (const [channel, version] of polls) {
      await ask(server.publicUrl, `/v1/${channel}/version?host=${ID}&agent_version=${version}`);
    }
    await server.close();
    const again = await startServer(merge(CHANNELS, { dataDir: server.settings.dataDir }));
    const api = operatorClient(again);
    const { body } = await api('GET', `/agents/${ID}`);
    expect(body).toMatchObject({ channel: 'staging', version: '16.4.7', sources: [{ version: '16.4.7' }] });
    expect((await api('GET', '/agents')).body.agents).toHaveLength(1);
    // It may be two machines with one id, so it counts on both channels, and at one version.
    for (const channel of ['stable%2Fcloud', 'staging']) {
      const { body: census } = await api('GET', `/census?channel=${channel}`);
      expect(census).toMatchObject({ agents: 1, versions: [{ version: '16.4.7', count: 1 }] });
    }
  });

  it('without an id or a version is an ordinary poll', async () => {
    const server = await startServer(CHANNELS);
    await ask(server.publicUrl, `/webapi/find?host=${ID}&group=default`);
    await ask(server.publicUrl, '/v1/version', { headers: [`Agent-Id: ${ID}`, 'Updater-Kind: nonsense'] });
    await ask(server.publicUrl, '/v1/version?agent_version=nonsense&updater=%00', { headers: ['Agent-Group: !!'] });
    expect(await metric(server, 'fairway_checkins_total')).toBe(0);
    for (const reason of ['id', 'version', 'updater', 'updater_version', 'group']) {
      expect(await metric(server, `fairway_checkins_rejected_total{reason="${reason}"}`)).toBe(0);
    }
  });

  it('is ignored on a poll that is answered 404', async () => {
    const server = await startServer(CHANNELS);
    await ask(server.publicUrl, `/v1/unknown/version?${QUERY}`);
    await ask(server.publicUrl, `/v1/stable/cloud/tools?${QUERY}`);
    await ask(server.publicUrl, `/healthz?${QUERY}`);
    expect(await metric(server, 'fairway_checkins_total')).toBe(0);
  });
});

describe('a malformed check-in', () => {
  const AGENT = `host=${ID}&agent_version=16.4.3`;

  it.each<[reason: string, query: string, headers: string[]]>([
    ['id', 'host=&agent_version=16.4.3', []],
    ['id', 'host=a%20b&agent_version=16.4.3', []],
    ['id', 'host=a/b&agent_version=16.4.3', []],
    ['id', `host=${'x'.repeat(129)}&agent_version=16.4.3`, []],
    ['id', 'host=%00&agent_version=16.4.3', []],
    ['id', '', ['Agent-Id: \u00e4\u00f6', 'Agent-Version: 16.4.3']],
  ])('with a wrong %s is ignored and counted (%#)', async (reason, query, headers) => {
    const server = await startServer(CHANNELS);
    expect(await ask(server.publicUrl, `/v1/version?${query}`, { headers })).toMatchObject({ status: 200 });
    expect(await metric(server, `fairway_checkins_rejected_total{reason="${reason}"}`)).toBe(1);
    expect(await metric(server, 'fairway_checkins_total')).toBe(0);
  });

  it.each(['latest', '16.4.3.1', '\u00e4', `${'9'.repeat(5_000)}.0.0`, '17.0.0-cloud.20241332T000000.abcdef0'])(
    'with a version that cannot be read counts, since it may be the oldest (%#)',
    async (version) => {
      const server = await startServer(CHANNELS);
      const api = operatorClient(server);
      const query = `host=${ID}&agent_version=${encodeURIComponent(version)}`;
      expect(await ask(server.publicUrl, `/v1/version?${query}`)).toMatchObject({ status: 200, body: 'v16.4.6' });
      expect(await metric(server, 'fairway_checkins_rejected_total{reason="version"}')).toBe(1);
      expect(await metric(server, 'fairway_checkins_total')).toBe(1);
      await vi.waitFor(async () => expect((await api('GET', `/agents/${ID}`)).body).toMatchObject({ version: '?' }));
      expect((await api('GET', '/census?channel=stable%2Fcloud')).body).toMatchObject({ agents: 1, unreadable: 1 });
      const check = async (target: string) => (await api('POST', CHECK, { version: target })).body;
      expect(await check('17.0.0')).toMatchObject({
        allowed: false,
        stranded: 1,
        reasons: [{ reason: 'unknown_agent_version', count: 1 }],
      });
      expect(await check('16.4.7')).toMatchObject({ allowed: true, warnings: [{ reason: 'unknown_agent_version' }] });
    },
  );

  it.each([
    ['16.4', '16.4.0'],
    ['V16.4.3', '16.4.3'],
    ['16.4.3+fips.1', '16.4.3+fips.1'],
    [' 16.4.3 ', '16.4.3'],
  ])('at %j is read as %s', async (version, read) => {
    const server = await startServer(CHANNELS);
    await ask(server.publicUrl, `/v1/version?host=${ID}&agent_version=${encodeURIComponent(version)}`);
    await vi.waitFor(async () => {
      const { body } = await operatorClient(server)('GET', `/agents/${ID}`);
      expect(body).toMatchObject({ version: read });
    });
    expect(await metric(server, 'fairway_checkins_rejected_total{reason="version"}')).toBe(0);
  });

  it('with an empty version is an ordinary poll: v2 updaters never say what they run', async () => {
    const server = await startServer(CHANNELS);
    await ask(server.publicUrl, `/v1/version?host=${ID}&agent_version=`);
    expect(await metric(server, 'fairway_checkins_total')).toBe(0);
  });

  it.each([
    ['updater', `${AGENT}&updater=windows`],
    ['updater', `${AGENT}&updater=`],
    ['updater_version', `${AGENT}&updater_version=new`],
    ['group', `${AGENT}&group=a%0Ab`],
    ['group', `${AGENT}&group=${'x'.repeat(65)}`],
  ])('with a wrong %s counts without that value (%#)', async (reason, query) => {
    const server = await startServer(CHANNELS);
    expect(await ask(server.publicUrl, `/v1/version?${query}`)).toMatchObject({ status: 200, body: 'v16.4.6' });
    expect(await metric(server, `fairway_checkins_rejected_total{reason="${reason}"}`)).toBe(1);
    await vi.waitFor(async () => {
      const { body } = await operatorClient(server)('GET', `/agents/${ID}`);
      expect(body).toMatchObject({ version: '16.4.3', updater: null, updaterVersion: null, group: null });
    });
  });
});

describe('check-ins', () => {
  it('beyond the limit of the queue are dropped and counted, and every poll is answered', async () => {
    const server = await startServer(merge(CHANNELS, { fleet: { maxPending: 3, flushEvery: '1h' } }));
    const polls = Array.from({ length: 10 }, (_, i) => `/v1/version?host=agent-${i}&agent_version=16.4.3`);
    // An agent that is already in the queue takes no further place, unless what it said before has to be kept too.
    polls.push('/v1/version?host=agent-0&agent_version=16.4.3', '/v1/version?host=agent-0&agent_version=16.4.6');
    for (const poll of polls) expect(await ask(server.publicUrl, poll)).toMatchObject({ status: 200, body: 'v16.4.6' });
    expect(await metric(server, 'fairway_checkins_dropped_total')).toBe(8);
    await server.close();
    const again = await startServer(merge(CHANNELS, { dataDir: server.settings.dataDir }));
    const { body } = await operatorClient(again)('GET', '/agents');
    expect(body.agents.map(({ id, version }: { id: string; version: string }) => [id, version]).sort()).toEqual([
      ['agent-0', '16.4.6'],
      ['agent-1', '16.4.3'],
      ['agent-2', '16.4.3'],
    ]);
  });

  it('are counted and answered while the store is away, and written when it is back', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const server = await startServer(merge(CHANNELS, { redisUrl: redis.url }));
    await redis.kill();
    for (let i = 0; i < 20; i++) {
      const poll = `/v1/version?host=agent-${i}&agent_version=16.4.3`;
      expect(await ask(server.publicUrl, poll)).toMatchObject({ status: 200, body: 'v16.4.6' });
    }
    expect(await metric(server, 'fairway_checkins_total')).toBe(20);
    await redis.restart();
    await vi.waitFor(
      async () => {
        const { body } = await operatorClient(server)('GET', '/census?channel=stable%2Fcloud');
        expect(body).toMatchObject({ agents: 20 });
      },
      { timeout: 10_000, interval: 50 },
    );
  });
});
