import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { body, startPeer } from '../support/peer.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const RELEASES = ['16.4.6', '16.5.0', '17.4.2', '17.5.1', '18.0.0', '18.1.0'].map((version) => ({
  version,
  date: null,
  security: false,
}));
const PLAN = { version: '18.1.0', reason: 'to 18', stepped: true };

/** Agents that poll and install the version they get, and an auth server that counts them. */
async function startFleet(server: () => TestServer, versions: string[]) {
  const agents = versions.map((version, n) => ({ id: `agent-${n}`, version, offline: false }));
  const seen = new Set<string>();
  const auth = await startPeer((request, response) => {
    const counts: Record<string, number> = {};
    for (const { version } of agents) counts[version] = (counts[version] ?? 0) + 1;
    body(authMetrics(counts))(request, response);
  });
  const poll = async () => {
    for (const agent of agents.filter(({ offline }) => !offline)) {
      const headers = { 'Agent-Id': agent.id, 'Agent-Version': agent.version, 'Updater-Kind': 'unit' };
      const answer = await fetch(`${server().publicUrl}/v1/edge/version`, { headers });
      agent.version = (await answer.text()).replace(/^v/, '');
      seen.add(agent.version);
    }
  };
  return { agents, auth, seen, poll };
}

const settings = (authUrl: () => string, more = {}) => ({
  fleet: { flushEvery: '20ms' },
  leader: { lease: '1s', plansEvery: '30ms' },
  // What was counted before a step is believed for this long after it.
  evidence: { settleFor: '500ms' },
  sources: { every: '30ms', timeout: '1s', metrics: { edge: [authUrl()] } },
  bootstrap: {
    controlPlanes: { main: '17.9.0' },
    channels: [{ name: 'edge', target: '16.4.6', controlPlane: 'main' }],
  },
  ...more,
});

describe('a plan across two majors', () => {
  it('strands no agent: it waits for the last agent of each step, then continues by itself', async () => {
    let server: TestServer | null = null;
    const fleet = await startFleet(() => server as TestServer, ['16.4.6', '16.4.6', '16.5.0']);
    server = await startServer(settings(() => fleet.auth.url));
    const api = operatorClient(server);
    await api('POST', '/releases/import', RELEASES);
    await vi.waitFor(async () => expect((await api('GET', '/census?channel=edge')).body.agents).toBe(3));

    const plain = await api('POST', '/channels/edge/roll-forward', { version: '18.1.0', reason: 'to 18' });
    expect(plain).toMatchObject({ status: 409, body: { report: { route: ['17.5.1', '18.1.0'] } } });
    const started = await api('POST', '/channels/edge/roll-forward', PLAN);
    expect(started).toMatchObject({ status: 200, body: { channel: { target: '17.5.1', plan: { step: 0 } } } });

    const straggler = fleet.agents[0];
    if (!straggler) throw new Error('no agent');
    straggler.offline = true;
    // The first poll tells an agent where to go, the second shows Fairway that it went there.
    await fleet.poll();
    await fleet.poll();
    await vi.waitFor(
      async () => {
        const { body } = await api('GET', '/channels/edge/plan');
        expect(body).toMatchObject({
          next: '18.1.0',
          waiting: { reason: 'agents_behind', detail: 'waiting for 1 agent below 17.0.0' },
        });
      },
      { timeout: 10_000 },
    );
    straggler.offline = false;
    await vi.waitFor(
      async () => {
        await fleet.poll();
        expect((await api('GET', '/channels/edge/plan')).body.waiting).toMatchObject({ reason: 'control_plane' });
      },
      { timeout: 10_000 },
    );
    await api('PUT', '/control-planes/main', { version: '18.2.0' });
    await vi.waitFor(
      async () => expect((await api('GET', '/channels/edge')).body).toMatchObject({ target: '18.1.0', plan: null }),
      { timeout: 10_000 },
    );
    await fleet.poll();
    expect(new Set(fleet.agents.map(({ version }) => version))).toEqual(new Set(['18.1.0']));
    expect(fleet.seen).toEqual(new Set(['17.5.1', '18.1.0']));

    const { entries } = (await api('GET', '/channels/edge/history')).body;
    expect(entries[0]).toMatchObject({
      actor: 'system:plan',
      action: 'roll-forward',
      reason: 'step 2 of 2 of the plan to 18.1.0 that token:admin started: to 18',
    });
  });

  it('is part of every explanation: which agents the next step would strand', async () => {
    let server: TestServer | null = null;
    const fleet = await startFleet(() => server as TestServer, ['16.4.6']);
    server = await startServer(settings(() => fleet.auth.url));
    const api = operatorClient(server);
    await api('POST', '/releases/import', RELEASES);
    await api('POST', '/channels/edge/roll-forward', PLAN);
    await fleet.poll();
    const explain = async () => (await api('GET', '/agents/agent-0/explain')).body;
    await vi.waitFor(async () =>
      expect(await explain()).toMatchObject({ plan: { next: '18.1.0', strandsAgent: true } }),
    );
    expect((await explain()).because).toContain('which waits for this agent, because it would strand it');
  });

  it('takes a security fix of its stop, a newer release of the next one, and goes around one that is pulled', async () => {
    let server: TestServer | null = null;
    const fleet = await startFleet(() => server as TestServer, ['15.4.9', '15.4.9']);
    server = await startServer(settings(() => fleet.auth.url));
    const api = operatorClient(server);
    const importAll = async (...more: { version: string; security?: boolean }[]) => {
      const all = [...RELEASES, ...more].map((release) => ({ date: null, security: false, ...release }));
      expect(await api('POST', '/releases/import', all)).toMatchObject({ status: 200 });
    };
    await importAll();
    const channel = async () => (await api('GET', '/channels/edge')).body;
    await vi.waitFor(async () => expect((await api('GET', '/census?channel=edge')).body.agents).toBe(2));
    const started = await api('POST', '/channels/edge/roll-forward', PLAN);
    expect(started.body.channel.plan.route).toEqual(['16.5.0', '17.5.1', '18.1.0']);

    await importAll({ version: '16.5.1', security: true }, { version: '17.5.2' });
    await vi.waitFor(
      async () =>
        expect(await channel()).toMatchObject({ target: '16.5.1', plan: { route: ['16.5.1', '17.5.2', '18.1.0'] } }),
      { timeout: 10_000 },
    );
    await api('POST', '/releases/17.5.2/pull', { reason: 'it crashes' });
    await vi.waitFor(async () => expect((await channel()).plan.route).toEqual(['16.5.1', '17.5.1', '18.1.0']));
    await vi.waitFor(
      async () => {
        await fleet.poll();
        expect(await channel()).toMatchObject({ target: '17.5.1', plan: { step: 1 } });
      },
      { timeout: 10_000, interval: 50 },
    );
    const { entries } = (await api('GET', '/channels/edge/history?limit=20')).body;
    const said = entries
      .filter(({ actor }: { actor: string }) => actor === 'system:plan')
      .map(({ action, reason }: { action: string; reason: string }) => `${action}: ${reason}`);
    expect(said.reverse()).toEqual([
      'reroute-plan: the plan to 18.1.0 stops at 17.5.2 instead of 17.5.1',
      'roll-forward: 16.5.1 has a security fix, so the plan to 18.1.0 waits there instead of at 16.5.0',
      'reroute-plan: the plan to 18.1.0 stops at 17.5.1 because 17.5.2 is not served',
      'roll-forward: step 2 of 3 of the plan to 18.1.0 that token:admin started: to 18',
    ]);
  });

  it('pauses while the channel is pinned, and ends when it is cancelled', async () => {
    let server: TestServer | null = null;
    const fleet = await startFleet(() => server as TestServer, ['16.4.6']);
    server = await startServer(settings(() => fleet.auth.url));
    const api = operatorClient(server);
    await api('POST', '/releases/import', RELEASES);
    await api('POST', '/channels/edge/roll-forward', PLAN);
    await api('POST', '/channels/edge/pin', { reason: 'incident' });
    await fleet.poll();
    const waiting = async () => (await api('GET', '/channels/edge/plan')).body.waiting;
    await vi.waitFor(async () => expect(await waiting()).toMatchObject({ reason: 'pinned' }));
    const metrics = async () => (await fetch(`${(server as TestServer).operatorUrl}/metrics`)).text();
    await vi.waitFor(async () =>
      expect(await metrics()).toContain('fairway_plan_waiting{channel="edge",reason="pinned"} 1'),
    );
    const cancelled = await api('POST', '/channels/edge/cancel-plan', { reason: 'enough' });
    expect(cancelled).toMatchObject({
      status: 200,
      body: { channel: { target: '17.5.1', plan: null }, audit: { action: 'cancel-plan' } },
    });
    expect(await waiting()).toBeNull();
    await vi.waitFor(async () => expect(await metrics()).not.toContain('fairway_plan_waiting{'));
    expect((await api('POST', '/channels/edge/cancel-plan', { reason: 'again' })).status).toBe(404);
  });

  it('changes nothing on a dry run, and cannot be combined with accepted stranding', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 1 })));
    const api = operatorClient(await startServer(settings(() => peer.url)));
    await api('POST', '/releases/import', RELEASES);
    const dry = await api('POST', '/channels/edge/roll-forward', { ...PLAN, dryRun: true });
    expect(dry).toMatchObject({
      status: 200,
      body: { channel: { plan: { route: ['17.5.1', '18.1.0'] } }, audit: null },
    });
    expect((await api('GET', '/channels/edge')).body).toMatchObject({ target: '16.4.6', plan: null });
    expect((await api('POST', '/channels/edge/roll-forward', { ...PLAN, acceptStranding: 1 })).status).toBe(422);
  });

  it('survives export and apply', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 1 })));
    const api = operatorClient(await startServer(settings(() => peer.url)));
    await api('POST', '/releases/import', RELEASES);
    await api('POST', '/channels/edge/roll-forward', PLAN);
    const { body: state } = await api('GET', '/export');
    const { plan } = state.channels[0];
    expect(plan).toMatchObject({ target: '18.1.0' });
    const recovered = operatorClient(await startServer({}));
    expect((await recovered('POST', '/apply', state)).status).toBe(200);
    expect((await recovered('GET', '/channels/edge')).body.plan).toEqual(plan);

    state.channels[0].plan.step = 1;
    const altered = operatorClient(await startServer({}));
    expect((await altered('POST', '/apply', state)).status).toBe(200);
    expect((await altered('GET', '/channels/edge')).body.plan, 'a plan that leads nowhere').toBeNull();
  });

  it('continues under the next leader, each step exactly once', async () => {
    await asAdmin(redis.url, (admin) => admin.flushall());
    const servers: TestServer[] = [];
    const fleet = await startFleet(() => servers.at(-1) as TestServer, ['15.4.9', '15.4.9']);
    const shared = () => settings(() => fleet.auth.url, { redisUrl: redis.url, dataDir: temporaryDirectory() });
    const with15 = {
      ...settings(() => '').bootstrap,
      channels: [{ name: 'edge', target: '15.4.9', controlPlane: 'main' }],
    };
    for (let n = 0; n < 3; n++)
      servers.push(await startServer({ ...shared(), bootstrap: { ...with15, controlPlanes: { main: '16.5.0' } } }));
    const api = operatorClient(servers[2] as TestServer);
    await api('POST', '/releases/import', RELEASES);
    await vi.waitFor(async () => expect((await api('GET', '/census?channel=edge')).body.agents).toBe(2));
    const started = await api('POST', '/channels/edge/roll-forward', PLAN);
    expect(started.body.channel).toMatchObject({ target: '16.5.0', plan: { route: ['16.5.0', '17.5.1', '18.1.0'] } });
    await (servers[0] as TestServer).close();
    for (const version of ['17.0.0', '18.0.0']) {
      await vi.waitFor(
        async () => {
          await fleet.poll();
          expect((await api('GET', '/channels/edge/plan')).body.waiting).toMatchObject({ reason: 'control_plane' });
        },
        { timeout: 10_000, interval: 50 },
      );
      await api('PUT', '/control-planes/main', { version: `${version.split('.')[0]}.9.0` });
      const target = version === '17.0.0' ? '17.5.1' : '18.1.0';
      await vi.waitFor(async () => expect((await api('GET', '/channels/edge')).body.target).toBe(target), {
        timeout: 5_000,
      });
    }
    const { entries } = (await api('GET', '/channels/edge/history')).body;
    const steps = entries.filter(({ actor }: { actor: string }) => actor === 'system:plan');
    expect(steps.map(({ after }: { after: { target: string } }) => after.target)).toEqual(['18.1.0', '17.5.1']);
  });
});
