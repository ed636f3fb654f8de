import { describe, expect, it, vi } from 'vitest';
import { operatorClient, QUICKSTART, startServer, type TestServer } from '../support/server.ts';

const SETTINGS = { ...QUICKSTART, fleet: { flushEvery: '20ms' } };

async function checkIn({ publicUrl }: TestServer, id: string, more: Record<string, string> = {}): Promise<void> {
  const headers = { 'Agent-Id': id, 'Agent-Version': '16.4.6', 'Updater-Kind': 'unit', ...more };
  await fetch(`${publicUrl}/v1/stable/cloud/version`, { headers });
}

const instance = (name: string, version: string, spec = {}) => ({
  kind: 'instance',
  metadata: { name },
  spec: { version, ext_upgrader: 'kube', ...spec },
});

/** The cluster's own server, which every inventory lists. */
const OWN = { kind: 'instance', metadata: { name: 'auth' }, spec: { version: '17.4.0', services: ['Auth'] } };

describe('a census', () => {
  it('counts by group, updater kind and distance, an agent of several sources once', async () => {
    const server = await startServer(SETTINGS);
    const api = operatorClient(server);
    await api('POST', '/inventory?channel=stable/cloud', [
      OWN,
      instance('both', '16.4.6', { updater_info: { update_group: 'canary' } }),
      instance('old', '15.4.9'),
      instance('ancient', '12.0.0'),
    ]);
    await checkIn(server, 'both', { 'Agent-Group': 'canary' });
    await checkIn(server, 'new', { 'Agent-Version': '16.4.3', 'Agent-Group': 'rest' });
    await checkIn(server, 'ahead', { 'Agent-Version': '16.4.7', 'Updater-Kind': '' });
    await vi.waitFor(async () => {
      expect((await api('GET', '/census?channel=stable/cloud')).body).toMatchObject({
        target: '16.4.6',
        agents: 5,
        distance: { atTarget: 1, behind: 1, majorBehind: 1, outOfSupport: 0, ahead: 1, cutOff: 1, stranded: 1 },
        groups: [
          { group: 'canary', count: 1 },
          { group: 'rest', count: 1 },
          { group: null, count: 3 },
        ],
        updaters: [
          { updater: 'kube', count: 2 },
          { updater: 'unit', count: 2 },
          { updater: null, count: 1 },
        ],
        unenrolled: 0,
      });
    });
  });

  it('shows how old each count is, as reports and metrics do', async () => {
    let offset = 0;
    const now = () => new Date(Date.now() + offset);
    const server = await startServer(SETTINGS, { now });
    const api = operatorClient(server);
    await api('POST', '/inventory?channel=stable/cloud', [OWN, instance('a', '16.4.6')]);
    await checkIn(server, 'b');
    await vi.waitFor(async () => expect((await api('GET', '/agents/b')).status).toBe(200));
    offset = 3_600_000;
    const evidence = [
      { source: 'inventory', fresh: true, age: expect.closeTo(3600, -2) },
      { source: 'check-ins', fresh: true, age: expect.closeTo(3600, -2) },
    ];
    expect((await api('GET', '/census?channel=stable/cloud')).body.sources).toMatchObject(evidence);
    const report = (await api('POST', '/channels/stable%2Fcloud/check', { version: '16.4.7' })).body;
    expect(report.evidence).toMatchObject(evidence);
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toMatch(/^fairway_evidence_age_seconds{channel="stable\/cloud",source="inventory"} 36\d\d$/m);
    expect(metrics).toContain('fairway_evidence_fresh{channel="stable/cloud",source="check-ins"} 1');
  });
});

describe('agents', () => {
  it('are found by group, source and when they were last seen', async () => {
    let offset = 0;
    const now = () => new Date(Date.now() + offset);
    const server = await startServer(SETTINGS, { now });
    const api = operatorClient(server);
    const found = async (query: string) =>
      (await api('GET', `/agents?${query}`)).body.agents.map(({ id }: { id: string }) => id);
    await checkIn(server, 'early', { 'Agent-Group': 'canary' });
    await vi.waitFor(async () => expect(await found('group=canary')).toEqual(['early']));
    offset = 60_000;
    const between = new Date(now().getTime() - 30_000).toISOString();
    await checkIn(server, 'late');
    await api('POST', '/inventory?channel=stable/cloud', [OWN, instance('listed', '16.4.6')]);
    await vi.waitFor(async () => expect(await found('source=check-ins')).toHaveLength(2));
    expect(await found(`seenBefore=${between}`)).toEqual(['early']);
    expect((await found(`seenSince=${between}`)).sort()).toEqual(['late', 'listed']);
    expect(await found('source=inventory')).toEqual(['listed']);
    expect((await api('GET', '/agents?seenSince=yesterday')).status).toBe(422);
  });
});

describe('a time series', () => {
  it('is kept by the leader and read by anyone', async () => {
    let at = Date.UTC(2026, 0, 2, 3, 4, 5);
    const server = await startServer({ ...SETTINGS, leader: { seriesEvery: '20ms' } }, { now: () => new Date(at) });
    const api = operatorClient(server);
    await checkIn(server, 'a');
    const points = async (resolution: string) =>
      (await api('GET', `/channels/stable%2Fcloud/series?resolution=${resolution}`)).body.points;
    await vi.waitFor(async () => expect((await api('GET', '/agents/a')).status).toBe(200));
    at += 60_000;
    await vi.waitFor(async () => {
      expect((await points('minute')).at(-1)).toEqual({
        at: '2026-01-02T03:05:05.000Z',
        agents: 1,
        atTarget: 1,
        behind: 0,
        stranded: 0,
      });
    });
    expect(await points('hour')).toHaveLength(1);
    expect((await api('GET', '/channels/none/series')).status).toBe(404);
  });
});

describe('check-ins with ids that never repeat', () => {
  it('take no more memory than the settings allow, and every poll is answered', async () => {
    const server = await startServer({ ...QUICKSTART, fleet: { flushEvery: '1h', maxPending: 100 } });
    for (let n = 0; n < 300; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, k) => checkIn(server, `agent-${n + k}`)));
    }
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain('fairway_checkins_total 300');
    expect(metrics).toContain('fairway_checkins_dropped_total 200');
  });

  it('fill the store no further than the settings allow', async () => {
    const server = await startServer({ ...QUICKSTART, fleet: { flushEvery: '20ms', maxAgents: 50 } });
    for (let n = 0; n < 100; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, k) => checkIn(server, `agent-${n + k}`)));
    }
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
      expect(metrics).toContain('fairway_checkins_refused_total 50');
    });
    expect((await operatorClient(server)('GET', '/census?channel=stable/cloud')).body.agents).toBe(50);
  });
});
