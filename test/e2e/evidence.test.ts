import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { instance } from '../fixtures/inventory.ts';
import { asAdmin } from '../store/redis-harness.ts';
import { body, startPeer, type TestPeer } from '../support/peer.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { operatorClient, type Reply, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';

/**
 * Ways in which not knowing once opened the gate, each with its siblings. A verdict becomes more permissive only
 * because of evidence, never because of silence.
 */
const STORES = ['embedded', 'redis'] as const;
type StoreKind = (typeof STORES)[number];

const SC = 'stable/cloud';
/**
 * Two channels at 16.4.6 behind a control plane at 17.4.0, so that 17.0.0 is refused only for agents at 15 or lower.
 */
const BASE: Raw = {
  fleet: { flushEvery: '20ms' },
  sources: { every: '30ms', timeout: '1s' },
  leader: { lease: '1s', plansEvery: '30ms' },
  bootstrap: {
    controlPlanes: { main: '17.4.0' },
    channels: ['canary', SC].map((name) => ({ name, target: '16.4.6', controlPlane: 'main' })),
  },
};
const SLOW = { timeout: 10_000, interval: 30 };

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function started(store: StoreKind, over: Raw = {}) {
  if (store === 'redis') await asAdmin(redis.url, (admin) => admin.flushall());
  const dataDir = temporaryDirectory();
  const settings = merge(merge(BASE, { dataDir, redisUrl: store === 'redis' ? redis.url : null }), over);
  return { ...tools(await startServer(settings)), settings };
}

/** What operators and agents do with a server. */
function tools(server: TestServer) {
  const api = operatorClient(server);
  const channel = (name: string) => `/channels/${encodeURIComponent(name)}`;
  const text = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${server.publicUrl}${path}`, { headers })).text();
  return {
    server,
    api,
    text,
    check: async (version: string, name = SC) => (await api('POST', `${channel(name)}/check`, { version })).body,
    verb: (verb: string, input: object = {}, name = SC) =>
      api('POST', `${channel(name)}/${verb}`, { reason: 'test', ...input }),
    put: (input: object, name = SC) => api('PUT', channel(name), { reason: 'test', ...input }),
    read: async (name = SC) => (await api('GET', channel(name))).body,
    plan: async (name = SC) => (await api('GET', `${channel(name)}/plan`)).body,
    agent: async (id: string) => (await api('GET', `/agents/${id}`)).body,
    explain: async (id: string) => (await api('GET', `/agents/${id}/explain`)).body,
    census: async (name = SC) => (await api('GET', `/census?channel=${encodeURIComponent(name)}`)).body,
    know: (...versions: string[]) =>
      api(
        'POST',
        '/releases/import',
        versions.map((version) => ({ version, date: null, security: false })),
      ),
    /** Imports the agents beside one of the cluster's own servers. */
    async list(agents: object[], query = 'channel=stable%2Fcloud'): Promise<Reply> {
      return api('POST', `/inventory?${query}`, [instance(99, '17.4.0', 'cluster'), ...agents]);
    },
    find: async (query = '') => JSON.parse(await text(`/webapi/find${query}`)),
    /** An agent checks in; resolves when that is written. */
    async checkIn(id: string, version: string, name = SC): Promise<void> {
      await text(`/v1/${name}/version`, { 'Agent-Id': id, 'Agent-Version': version });
      await vi.waitFor(async () => {
        const { sources } = (await api('GET', `/agents/${id}`)).body;
        expect(sources).toContainEqual(expect.objectContaining({ source: 'check-ins', version, channel: name }));
      }, SLOW);
    },
  };
}

/** An enrolled agent of an inventory. */
function listed(id: string, version: string, spec: object = {}, metadata: object = {}) {
  const one = instance(0, version);
  return { ...one, metadata: { ...one.metadata, name: id, ...metadata }, spec: { ...one.spec, ...spec } };
}
const group = (name: string) => ({ ext_upgrader: '', updater_info: { update_group: name, updater_status: 1 } });
const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Waits until the source was read again, with the current answer. */
async function readAgain(peer: TestPeer): Promise<void> {
  const { requests } = peer;
  await vi.waitFor(() => expect(peer.requests).toBeGreaterThan(requests + 1), SLOW);
}

const TOO_OLD = { allowed: false, stranded: 1, reasons: [{ reason: 'agent_too_old', count: 1 }] };

describe('metrics prove nothing', () => {
  it.each([
    [
      'without the label automatic_updates, as before Teleport 14',
      'teleport_registered_servers{version="16.4.6"} 500\n',
    ],
    ['with a word for it', 'teleport_registered_servers{version="16.4.6",automatic_updates="yes"} 500\n'],
    ['where their total disagrees', `${authMetrics({ '16.4.6': 5 })}teleport_enrolled_in_upgrades 6\n`],
    ['without the metric', 'up 1\n'],
  ])('%s', async (_, page) => {
    const peer = await startPeer(body(page));
    const { check, census } = await started('embedded', { sources: { metrics: { [SC]: [peer.url] } } });
    await readAgain(peer);
    expect((await census()).sources).toMatchObject([
      { source: 'teleport-metrics', agents: 0, fresh: false, failing: { fault: expect.any(String) } },
      { source: 'presumed', complete: false },
    ]);
    expect(await check('18.0.0')).toMatchObject({ allowed: false, agents: 1 });
  });

  it('and leave what they proved before', async () => {
    const peer = await startPeer(body(authMetrics({ '15.4.9': 2, '16.4.6': 5 })));
    const { check, census } = await started('embedded', { sources: { metrics: { [SC]: [peer.url] } } });
    await vi.waitFor(async () => expect((await census()).agents).toBe(7), SLOW);
    peer.answer = body('teleport_registered_servers{version="16.4.6"} 500\n');
    await vi.waitFor(async () => {
      expect((await census()).sources).toMatchObject([{ failing: { fault: expect.stringContaining('no label') } }]);
    }, SLOW);
    expect(await check('17.0.0')).toMatchObject({ allowed: false, agents: 7, stranded: 2 });
  });
});

describe.each(STORES)('with the store %s', (store) => {
  it.each([
    ['as it is', 'canary', {}],
    ['in any case', 'CANARY', {}],
    ['by a mapping', 'Prod-EU', { groups: { 'Prod-EU': { channel: 'canary', group: 'eu' } } }],
  ])('a v2 agent counts in the channel that its group resolves to, %s', async (_, name, over: Raw) => {
    const { list, find, explain, check, census } = await started(store, over);
    await list([listed('a1', '15.4.9', group(name))]);
    const told = (await find(`?group=${name}&update_id=a1`)).auto_update.agent_version;
    expect((await explain('a1')).told.version).toBe(`v${told}`);
    expect(await check('17.0.0', 'canary')).toMatchObject(TOO_OLD);
    expect(await check('17.0.0')).toMatchObject({ allowed: true });
    expect(await census()).toMatchObject({ agents: 0 });
  });

  it('an agent of a group that leads nowhere counts in the default channel, and the group is named', async () => {
    const { list, check, census } = await started(store);
    expect((await list([listed('a1', '15.4.9', group('lost'))])).body).toMatchObject({ unmappedGroups: { lost: 1 } });
    expect(await check('17.0.0')).toMatchObject(TOO_OLD);
    expect((await census()).unmappedGroups).toEqual([{ group: 'lost', count: 1 }]);
  });

  it.each(['15.4.9+fips.1', 'V15.4.9', ' 15.4.9 ', '15.4'])('%j hides no agent', async (version) => {
    const { know, list, verb, read, plan } = await started(store);
    await know('16.4.6', '17.0.0');
    await list([listed('a1', '16.4.6'), listed('a2', '15.4.9')]);
    expect(await verb('roll-forward', { version: '17.0.0', stepped: true })).toMatchObject({ status: 200 });
    await list([listed('a1', '16.4.6'), listed('a2', version)]);
    await vi.waitFor(async () => {
      expect((await plan()).waiting).toMatchObject({
        reason: 'agents_behind',
        detail: expect.stringMatching(/1 agent/),
      });
    }, SLOW);
    expect((await read()).target).toBe('16.4.6');
  });

  it.each(['a b', '\u00e4', 'x'.repeat(129)])('an agent with the id %j counts without an id', async (id) => {
    const { list, check } = await started(store);
    await list([listed('a1', '16.4.6'), listed(id, '15.4.9')]);
    expect(await check('17.0.0')).toMatchObject({ ...TOO_OLD, agents: 2 });
  });

  it('an agent whose version cannot be read holds up another major, and an admin may accept it', async () => {
    const { list, check, verb } = await started(store);
    await list([listed('a1', '16.4.6'), listed('a2', 'unknown')]);
    const reasons = [{ reason: 'unknown_agent_version', count: 1 }];
    expect(await check('17.0.0')).toMatchObject({ allowed: false, agents: 2, stranded: 1, reasons });
    expect(await check('16.4.7')).toMatchObject({ allowed: true, agents: 2, stranded: 0 });
    const accepted = await verb('roll-forward', { version: '17.0.0', acceptStranding: 1 });
    expect(accepted).toMatchObject({
      status: 200,
      body: { audit: { reason: expect.stringContaining('stranding 1') } },
    });
  });

  it('old evidence goes on blocking, also after a restart', async () => {
    const { list, check, server, settings } = await started(store, { compatibility: { evidenceFreshFor: '1s' } });
    await list([listed('a1', '16.4.6'), listed('a2', '15.4.9')]);
    expect(await check('17.0.0')).toMatchObject({ allowed: false, stranded: 1 });
    const grown = async (checking: typeof check) =>
      vi.waitFor(async () => {
        const report = await checking('17.0.0');
        expect(report).toMatchObject({
          allowed: false,
          reasons: [{ reason: 'agent_too_old', version: '15.4.9', count: 1 }],
          warnings: expect.arrayContaining([
            { reason: 'evidence_stale', detail: expect.stringMatching(/inventory.* old/) },
          ]),
        });
        expect(report.evidence).toContainEqual(
          expect.objectContaining({ source: 'inventory', agents: 2, fresh: false }),
        );
      }, SLOW);
    await grown(check);
    await server.close();
    await grown(tools(await startServer(settings)).check);
  });

  it('old evidence is never the reason why a target is allowed', async () => {
    const { api, list, check, verb } = await started(store, { compatibility: { evidenceFreshFor: '1s' } });
    await list([listed('a1', '16.4.6')]);
    expect(await verb('roll-forward', { version: '17.0.0' })).toMatchObject({ status: 200 });
    await list([listed('a1', '17.0.0')]);
    await api('PUT', '/control-planes/main', { version: '18.0.0' });
    // All agents are at 17 by an inventory that is old, and 16.4.6 was served lately.
    await vi.waitFor(async () => {
      expect(await check('18.0.0')).toMatchObject({
        allowed: false,
        reasons: [{ reason: 'agent_too_old', version: '16.4.6', count: 1 }],
        evidence: expect.arrayContaining([
          expect.objectContaining({ source: 'inventory', fresh: false }),
          expect.objectContaining({ source: 'presumed' }),
        ]),
      });
    }, SLOW);
  });

  it('an id that goes back and forth between versions counts at the lower one', async () => {
    const { checkIn, check, agent, census } = await started(store);
    for (const version of ['15.4.9', '16.4.6', '15.4.9', '16.4.6']) await checkIn('c1', version);
    expect(await check('17.0.0')).toMatchObject(TOO_OLD);
    expect(await agent('c1')).toMatchObject({ version: '15.4.9', contested: { version: '15.4.9' } });
    expect(await census()).toMatchObject({ agents: 1, contested: 1 });
  });

  it('an id that goes up once is upgraded, and not contested', async () => {
    const { checkIn, check, agent } = await started(store);
    for (const version of ['15.4.9', '15.4.9', '16.4.6', '16.4.6']) await checkIn('c1', version);
    expect(await check('17.0.0')).toMatchObject({ allowed: true });
    expect(await agent('c1')).toMatchObject({ version: '16.4.6', contested: null, reverted: null });
  });

  it.each([
    ['the lower one first', ['15.4.9', '16.4.6']],
    ['the lower one last', ['16.4.6', '15.4.9']],
  ])('an id twice in one inventory counts once, with the lower version: %s', async (_, versions) => {
    const { list, check } = await started(store);
    const { body: counts } = await list(versions.map((version) => listed('a1', version)));
    expect(counts).toMatchObject({ enrolled: 1, duplicates: 1, examples: { duplicates: 'a1' } });
    expect(await check('17.0.0')).toMatchObject({ ...TOO_OLD, agents: 1 });
  });

  it('an id that checks in on two channels counts on both', async () => {
    const { checkIn, check } = await started(store);
    await checkIn('a1', '15.4.9', 'canary');
    await checkIn('a1', '15.4.9');
    for (const name of ['canary', SC]) expect(await check('17.0.0', name)).toMatchObject(TOO_OLD);
  });

  it('an export is of the moment of its newest instance, and instances that had expired do not count', async () => {
    const { list, agent, check } = await started(store);
    const then = { last_seen: '2020-01-01T00:00:00Z' };
    const { body: counts } = await list([listed('gone', '16.4.6', then, { expires: '2020-01-01T01:00:00Z' })]);
    expect(counts).toMatchObject({ enrolled: 0, expired: 1, examples: { expired: 'gone' } });
    expect(await agent('gone')).toMatchObject({ lastSeen: '2020-01-01T00:00:00.000Z', expired: true });
    const { evidence } = await check('17.0.0');
    expect(evidence.filter(({ fresh, agents }: { fresh: boolean; agents: number }) => fresh && agents > 0)).toEqual([]);
  });

  it('an export of last week is not fresh when it is imported, and blocks', async () => {
    const { api, check } = await started(store);
    const seen = { last_seen: ago(7 * DAY) };
    const own = instance(99, '17.4.0', 'cluster');
    const agents = [
      listed('a1', '15.4.9', seen, { expires: ago(7 * DAY - HOUR) }),
      { ...own, spec: { ...own.spec, ...seen } },
    ];
    expect(await api('POST', '/inventory?channel=stable%2Fcloud', agents)).toMatchObject({ status: 200 });
    const report = await check('17.0.0');
    expect(report).toMatchObject({ allowed: false, reasons: [{ reason: 'agent_too_old', version: '15.4.9' }] });
    expect(report.evidence).toContainEqual(expect.objectContaining({ source: 'inventory', fresh: false }));
    // It is no reason to allow what is presumed to strand either.
    expect(await check('18.0.0')).toMatchObject({ allowed: false });
  });

  it('the newest sighting wins, and all faces agree', async () => {
    const { checkIn, list, check, explain, agent, api, census } = await started(store);
    const older = async () =>
      (await api('GET', '/agents?channel=stable%2Fcloud&olderThan=16.0.0')).body.agents.map(
        ({ id }: { id: string }) => id,
      );
    await checkIn('a1', '15.4.9');
    await list([listed('a1', '16.4.6')]);
    await vi.waitFor(async () => expect(await check('17.0.0')).toMatchObject({ allowed: true }), SLOW);
    expect(await older()).toEqual([]);
    expect(await explain('a1')).toMatchObject({ agent: { version: '16.4.6' } });
    expect((await explain('a1')).because).toMatch(/at the target/);
    expect(await agent('a1')).toMatchObject({ version: '16.4.6' });
    expect((await census()).versions).toEqual([{ version: '16.4.6', count: 1 }]);

    // Imported later, and seen earlier than the check-in.
    await checkIn('a2', '15.4.9');
    await list([listed('a1', '16.4.6'), listed('a2', '16.4.6', { last_seen: ago(HOUR) })]);
    expect(await check('17.0.0')).toMatchObject(TOO_OLD);
    expect(await older()).toEqual(['a2']);
    expect(await explain('a2')).toMatchObject({ agent: { version: '15.4.9' } });
    expect((await census()).versions).toContainEqual({ version: '15.4.9', count: 1 });
  });

  it('an auth server that restarts does not let a plan strand its agents', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 22 })));
    const { api, know, verb, plan, read, census } = await started(store, {
      sources: { metrics: { [SC]: [peer.url] } },
    });
    await know('16.4.6', '17.4.2', '18.0.1');
    await vi.waitFor(async () => expect((await census()).agents).toBe(22), SLOW);
    expect((await verb('roll-forward', { version: '18.0.1', stepped: true })).body.channel.target).toBe('17.4.2');
    peer.answer = body('teleport_registered_servers{automatic_updates="false",version="18.0.1"} 1\n');
    await api('PUT', '/control-planes/main', { version: '18.0.1' });
    await vi.waitFor(async () => expect((await census()).sources[0].settling).toMatchObject({ from: 22, to: 0 }), SLOW);
    await readAgain(peer);
    expect(await census()).toMatchObject({ agents: 22, versions: [{ version: '16.4.6', count: 22 }] });
    expect((await plan()).waiting).toMatchObject({
      reason: 'agents_behind',
      detail: expect.stringMatching(/22 agents/),
    });
    expect((await read()).target).toBe('17.4.2');

    // Half of them are back: the others are still where they were.
    peer.answer = body(authMetrics({ '17.4.2': 11 }));
    await readAgain(peer);
    expect((await plan()).waiting).toMatchObject({ reason: 'agents_behind' });
    expect((await read()).target).toBe('17.4.2');
  });

  it('an export that is cut short does not let agents go, until a person or a second one confirms it', async () => {
    const { api, list, check, census } = await started(store);
    const fleet = Array.from({ length: 30 }, (_, n) => listed(`a${n}`, n < 10 ? '15.4.9' : '16.4.6'));
    await list(fleet);
    await list(fleet.slice(10, 12));
    expect(await check('17.0.0')).toMatchObject({ allowed: false, agents: 30, stranded: 10 });
    expect((await check('17.0.0')).warnings).toContainEqual(
      expect.objectContaining({
        reason: 'evidence_settling',
        detail: expect.stringMatching(/fairway evidence accept/),
      }),
    );
    const accepting = { reason: 'decommissioned' };
    const viewer = operatorClient((await started('embedded')).server, 'operator');
    expect((await viewer('POST', '/evidence/stable%2Fcloud/inventory/accept', accepting)).status).toBe(403);
    const accepted = await api('POST', '/evidence/stable%2Fcloud/inventory/accept', accepting);
    expect(accepted).toMatchObject({ status: 200, body: { before: 30, after: 2 } });
    expect(await check('17.0.0')).toMatchObject({ allowed: true, agents: 2 });
    expect(await census()).toMatchObject({ agents: 2 });
    const [entry] = (await api('GET', '/audit?limit=1')).body.entries;
    expect(entry).toMatchObject({ actor: 'token:admin', reason: 'decommissioned' });
    const history = (await api('GET', '/channels/stable%2Fcloud/history')).body.entries;
    expect(history[0]).toMatchObject({ action: 'accept-evidence', reason: 'decommissioned' });
  });

  it('an agent is forgotten for its silence only while others of its channel are heard', async () => {
    const { checkIn, check, census } = await started(store, { fleet: { staleAfter: store === 'redis' ? '8s' : '1s' } });
    await checkIn('a1', '15.4.9');
    await checkIn('b1', '15.4.9', 'canary');
    await vi.waitFor(
      async () => {
        await checkIn('b2', '16.4.6', 'canary');
        expect(await census('canary')).toMatchObject({ agents: 1 });
      },
      { timeout: 80_000, interval: 50 },
    );
    expect(await check('17.0.0', 'canary')).toMatchObject({ allowed: true });
    // It was silent for as long, and so was all of its channel.
    expect(await check('17.0.0')).toMatchObject(TOO_OLD);
  }, 100_000);
});

describe('the default channel', () => {
  const PATHS = [
    '/v1/webapi/automaticupgrades/channel/default',
    '/webapi/automaticupgrades/channel/default',
    '/v1/default',
  ];

  it.each(PATHS)('has the name that scripts use: %s', async (path) => {
    const { text } = await started('embedded');
    expect(await text(`${path}/version`)).toBe('v16.4.6');
    expect(await text(`${path}/critical`)).toBe('no');
  });

  it('gives the name to a channel that is called so', async () => {
    const { text, put } = await started('embedded');
    await put({ target: '16.4.5', controlPlane: 'main' }, 'default');
    for (const path of PATHS) expect(await text(`${path}/version`)).toBe('v16.4.5');
    expect(await text('/v1/version')).toBe('v16.4.6');
  });
});

describe('the control plane of a channel', () => {
  const plane = { bootstrap: { controlPlanes: { main: '16.4.7' } } };

  it('is no way around it when it is taken away and put back', async () => {
    const { list, put, verb, text } = await started('embedded', plane);
    await list([listed('a1', '16.4.6')]);
    expect(await put({ controlPlane: null })).toMatchObject({ status: 409 });
    expect((await verb('roll-forward', { version: '17.0.0' })).status).toBe(409);
    expect(await text('/v1/version')).toBe('v16.4.6');
  });

  it.each<[what: string, around: (with_: ReturnType<typeof tools>) => Promise<Reply>]>([
    ['by naming one that is unknown', ({ put }) => put({ controlPlane: 'nowhere' })],
    ['by a document', ({ api }) => api('POST', '/apply', { fairway: 1, channels: [{ name: SC, controlPlane: null }] })],
    [
      'by a document that sets a target too',
      ({ api }) =>
        api('POST', '/apply', { fairway: 1, channels: [{ name: SC, controlPlane: null, target: '17.0.0' }] }),
    ],
    ['by deleting the control plane', ({ api }) => api('DELETE', '/control-planes/main')],
    [
      'by deleting the channel and making it again',
      async ({ api, put }) => {
        await api('DELETE', '/agents/a1');
        await api('DELETE', '/channels/stable%2Fcloud');
        return put({ target: '17.0.0' });
      },
    ],
  ])('is not lost %s', async (_, around) => {
    const with_ = await started('embedded', plane);
    await with_.list([listed('a1', '16.4.6')]);
    const reply = await around(with_);
    expect([404, 409, 422]).toContain(reply.status);
    expect(await with_.text('/v1/version')).not.toBe('v17.0.0');
  });
});

describe('the way out of a bad target', () => {
  const ALONE = {
    bootstrap: { controlPlanes: {}, channels: [{ name: SC, target: '16.4.5' }] },
  };

  async function withStranded() {
    const with_ = await started('embedded', ALONE);
    await with_.know('16.4.5', '16.4.6');
    await with_.list([listed('a1', '16.4.5')]);
    expect(await with_.verb('roll-forward', { version: '16.4.6' })).toMatchObject({ status: 200 });
    await with_.list([listed('a1', '16.4.6'), listed('a2', '14.3.0')]);
    return with_;
  }

  it('is not barred for a roll-back by an agent that is stranded already', async () => {
    const { verb } = await withStranded();
    expect(await verb('roll-back')).toMatchObject({
      status: 200,
      body: { channel: { target: '16.4.5' }, report: { warnings: [{ reason: 'already_stranded', count: 1 }] } },
    });
  });

  it('is not barred for a pin where the target is', async () => {
    const { verb } = await withStranded();
    expect(await verb('pin', { version: '16.4.6' })).toMatchObject({ status: 200 });
  });

  it('is not barred for the pull of its release', async () => {
    const { api, text } = await withStranded();
    expect(await api('POST', '/releases/16.4.6/pull', { reason: 'bad' })).toMatchObject({ status: 200 });
    expect(await text('/v1/version')).toBe('v16.4.5');
  });

  it('strands no further agent', async () => {
    const { list, verb } = await withStranded();
    await list([listed('a1', '16.4.6'), listed('a2', '14.3.0'), listed('a3', '16.4.6')]);
    expect(await verb('roll-back', { version: '15.4.9' })).toMatchObject({
      status: 409,
      body: { report: { allowed: false, reasons: [{ reason: 'major_downgrade', version: '16.4.6', count: 2 }] } },
    });
  });
});

describe('a list is no inventory', () => {
  const node = { kind: 'node', version: 'v2', metadata: { name: 'n1' }, spec: { hostname: 'n1' } };

  it.each<[what: string, entries: object[], said: RegExp]>([
    ['of nodes', [node], /kind node.*tctl inventory ls/],
    ['with a node beside the cluster', [instance(99, '17.4.0', 'cluster'), node], /kind node/],
    ['of instances without the cluster itself', [listed('a1', '16.4.6')], /partial=true.*complete=true/],
    ['of nothing', [], /empty/],
  ])('%s', async (_, entries, said) => {
    const { api, check, census } = await started('embedded');
    const before = await check('18.0.0');
    const reply = await api('POST', '/inventory?channel=stable%2Fcloud', entries);
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringMatching(said) } });
    expect((await census()).sources).toMatchObject([{ source: 'presumed' }]);
    expect(await check('18.0.0')).toEqual(before);
  });
});

describe('a version that no one should install is named to no one', () => {
  const ONE = { bootstrap: { controlPlanes: { main: '16.4.7' }, channels: [{ name: SC, target: '16.4.7' }] } };
  const nowhere = async ({ text, find }: ReturnType<typeof tools>) => {
    expect(await text('/v1/version')).toBe('none');
    expect(await text('/v1/critical')).toBe('no');
    expect((await find()).auto_update).toMatchObject({ agent_version: '', agent_auto_update: false });
    expect(JSON.stringify(await find())).not.toMatch(/"(tools|agent)_version":"16\.4\.7"/);
  };

  it('once it was pulled and there is no way back', async () => {
    const with_ = await started('embedded', ONE);
    await with_.know('16.4.7');
    await with_.verb('critical', { critical: true });
    expect(await with_.api('POST', '/releases/16.4.7/pull', { reason: 'bad' })).toMatchObject({ status: 200 });
    await nowhere(with_);
  });

  it('once its channel was withdrawn', async () => {
    const with_ = await started('embedded', ONE);
    expect(await with_.verb('withdraw')).toMatchObject({ status: 200 });
    await nowhere(with_);
  });
});

describe('the report of a v2 updater', () => {
  it.each<[what: string, spec: object, state: string | null]>([
    ['with JSON names', { updater_info: { update_group: 'canary', updater_status: 1 } }, 'ok'],
    [
      'without',
      { UpdaterInfo: { UpdateGroup: 'canary', UpdateUUID: 'MDEyMzQ1Njc4OWFiY2RlZg==', UpdaterStatus: 1 } },
      'ok',
    ],
    ['of a pinned one, by number', { UpdaterInfo: { UpdateGroup: 'canary', UpdaterStatus: 3 } }, 'pinned'],
    ['of a pinned one, by name', { updater_info: { update_group: 'canary', updater_status: 'PINNED' } }, 'pinned'],
    [
      'of a disabled one',
      { updater_info: { update_group: 'canary', updater_status: 'UPDATER_STATUS_DISABLED' } },
      'disabled',
    ],
    ['beside the other spelling as null', { updater_info: { update_group: 'canary' }, UpdaterInfo: null }, null],
  ])('is read %s', async (_, spec, state) => {
    const { list, agent } = await started('embedded');
    const { body: counts } = await list([listed('a1', '16.4.6', { ext_upgrader: undefined, ...spec })]);
    expect(counts).toMatchObject({
      enrolled: 1,
      pinned: state === 'pinned' ? 1 : 0,
      disabled: state === 'disabled' ? 1 : 0,
    });
    expect(await agent('a1')).toMatchObject({ channel: 'canary', group: 'canary', updaterState: state });
  });

  it('that is null says that there is none', async () => {
    const { list } = await started('embedded');
    const none = { ext_upgrader: null, updater_info: null, UpdaterInfo: null };
    expect((await list([listed('a1', '16.4.6', none)])).body).toMatchObject({ enrolled: 0, unmanaged: 1 });
  });
});

describe('a plan', () => {
  const BEHIND = { evidence: { settleFor: '100ms' }, bootstrap: { controlPlanes: { main: '16.4.7' } } };

  it.each([
    ['a healthy fleet', '16.4.7', 'control_plane'],
    ['an agent a major behind', '15.4.9', 'agents_behind'],
    ['an agent whose version cannot be read', 'unknown', 'agents_behind'],
  ])('that waits for the control plane is accepted for %s', async (_, version, reason) => {
    const { know, list, verb, plan, text } = await started('embedded', BEHIND);
    await know('16.4.6', '16.4.7', '17.0.1');
    await list([listed('a1', version)]);
    expect(await verb('roll-forward', { version: '17.0.1', stepped: true })).toMatchObject({ status: 200 });
    await vi.waitFor(async () => {
      expect((await plan()).waiting).toMatchObject({ reason });
    }, SLOW);
    expect(await text('/v1/version')).toMatch(/^v16\./);
  });
});

describe('an agent that the target strands', () => {
  it('is shown as stranded on every face', async () => {
    const { server, list, verb, explain, census, check } = await started('embedded');
    await list([listed('a1', '16.4.6')]);
    expect(await verb('roll-forward', { version: '17.0.1' })).toMatchObject({ status: 200 });
    await list([listed('a1', '17.0.1'), listed('a2', '15.4.22')]);
    expect(await explain('a2')).toMatchObject({
      stranded: true,
      because: expect.stringMatching(/stranded by the target/),
    });
    expect(await explain('a1')).toMatchObject({ stranded: false });
    expect(await census()).toMatchObject({ stranded: 1 });
    expect(await check('17.0.1')).toMatchObject({ stranded: 1 });
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain('fairway_channel_stranded_agents{channel="stable/cloud"} 1');
  });

  it('is not hurried there without its number', async () => {
    const { list, verb } = await started('embedded');
    await list([listed('a1', '16.4.6')]);
    await verb('roll-forward', { version: '17.0.1' });
    await list([listed('a1', '17.0.1'), listed('a2', '15.4.22')]);
    expect(await verb('critical', { critical: true })).toMatchObject({ status: 409 });
    expect(await verb('critical', { critical: true, acceptStranding: 1 })).toMatchObject({ status: 200 });
    expect(await verb('critical', { critical: false })).toMatchObject({ status: 200 });
  });
});
