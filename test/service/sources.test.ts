import { describe, expect, it, vi } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { body, FAULTS, startPeer, type TestPeer } from '../support/peer.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { AUTH_METRICS, authMetrics } from '../support/teleport.ts';

const CHANNEL = {
  // A lower number is believed once it was read again.
  evidence: { settleFor: '100ms' },
  bootstrap: {
    controlPlanes: { main: '16.4.0' },
    channels: [{ name: 'edge', target: '16.4.6', controlPlane: 'main' }],
  },
};
const FAST = { every: '50ms', timeout: '500ms' };
const ping = (version: string) =>
  JSON.stringify({ server_version: version, auth: {}, cluster_name: 'x', edition: 'ent' });

const metrics = async ({ operatorUrl }: TestServer) => (await fetch(`${operatorUrl}/metrics`)).text();

/** Waits until the source was read again, with the current answer. */
async function readAgain(peer: TestPeer): Promise<void> {
  const { requests } = peer;
  await vi.waitFor(() => expect(peer.requests).toBeGreaterThan(requests + 1), { timeout: 5_000, interval: 10 });
}

describe("auth servers' metrics", () => {
  it('are a complete source, summed over servers', async () => {
    const [one, two] = [await startPeer(body(AUTH_METRICS)), await startPeer(body(authMetrics({ '14.0.0': 1 })))];
    const sources = { ...FAST, metrics: { edge: [`${one.url}/metrics`, `${two.url}/metrics`] } };
    const api = operatorClient(await startServer({ ...CHANNEL, sources }));
    await vi.waitFor(async () => {
      expect((await api('GET', '/census?channel=edge')).body).toMatchObject({
        agents: 236,
        oldest: { version: '14.0.0', count: 1 },
        sources: [{ source: 'teleport-metrics', complete: true, fresh: true, agents: 236 }],
      });
    });
    const { body: report } = await api('POST', '/channels/edge/check', { version: '16.4.7' });
    expect(report.reasons).toMatchObject([{ reason: 'agent_too_old', version: '14.0.0', count: 1 }]);
  });

  it.each(FAULTS)('keep their last figures when a server $name', async ({ reason, answer }) => {
    const steady = await startPeer(body(authMetrics({ '16.4.6': 3 })));
    const peer = await startPeer(body(AUTH_METRICS));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, metrics: { edge: [steady.url, peer.url] } } });
    const api = operatorClient(server);
    const agents = async () => (await api('GET', '/census?channel=edge')).body.agents;
    await vi.waitFor(async () => expect(await agents()).toBe(238));
    peer.answer = answer(authMetrics({ '16.4.6': 1, '16.4.7': 1 }));
    const failed = new RegExp(
      `^fairway_source_failures_total{source="teleport-metrics",name="edge",reason="${reason}"}`,
      'm',
    );
    await vi.waitFor(async () => expect(await metrics(server)).toMatch(failed), { timeout: 10_000 });
    expect(await agents()).toBe(238);
    expect(await metrics(server)).toContain('fairway_source_up{source="teleport-metrics",name="edge"} 0');
    peer.answer = body(authMetrics({ '16.4.7': 9 }));
    await vi.waitFor(async () => expect(await agents()).toBe(12), { timeout: 5_000 });
    expect(await metrics(server)).toContain('fairway_source_up{source="teleport-metrics",name="edge"} 1');
  });

  it('stop being evidence when they are stale, and are not zero then', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 3 })));
    let offset = 0;
    const now = () => new Date(Date.now() + offset);
    const sources = { ...FAST, metrics: { edge: [peer.url] } };
    const server = await startServer({ ...CHANNEL, sources }, { now });
    const api = operatorClient(server);
    const source = async () => (await api('GET', '/census?channel=edge')).body.sources[0];
    await vi.waitFor(async () => expect(await source()).toMatchObject({ source: 'teleport-metrics', fresh: true }));
    await peer.stop();
    const refused = /^fairway_source_failures_total{.*reason="unreachable"}/m;
    await vi.waitFor(async () => expect(await metrics(server)).toMatch(refused));
    offset = 25 * 60 * 60 * 1000;
    expect(await source()).toMatchObject({ source: 'teleport-metrics', fresh: false, agents: 3 });
    const { body: report } = await api('POST', '/channels/edge/check', { version: '16.4.7' });
    expect(report.evidence).toMatchObject([{ fresh: false }, { source: 'presumed', agents: 1 }]);
  });
});

describe('metrics that were never read', () => {
  it('say so, and why, in the evidence and in every check', async () => {
    const peer = await startPeer(body('teleport_registered_servers{version="16.4.6"} 3\n'));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, metrics: { edge: [peer.url] } } });
    const api = operatorClient(server);
    const check = async () => (await api('POST', '/channels/edge/check', { version: '16.4.7' })).body;
    await vi.waitFor(async () => {
      const { evidence, warnings } = await check();
      const failing = { since: expect.any(String), fault: expect.stringContaining('automatic_updates') };
      const unread = { source: 'teleport-metrics', complete: false, fresh: false, at: null, agents: 0, failing };
      expect(evidence).toMatchObject([unread, { source: 'presumed', agents: 1 }]);
      const stale = warnings.filter(({ reason }: { reason: string }) => reason === 'evidence_stale');
      expect(stale).toMatchObject([{ detail: expect.stringContaining('were never read') }]);
    });
    peer.answer = body(authMetrics({ '16.4.6': 3 }));
    await vi.waitFor(async () => {
      const { evidence, warnings } = await check();
      expect(evidence).toMatchObject([{ source: 'teleport-metrics', complete: true, fresh: true, failing: null }]);
      expect(warnings.map(({ reason }: { reason: string }) => reason)).not.toContain('evidence_stale');
    });
  });

  it('hold up nothing that a fresh inventory confirms', async () => {
    const peer = await startPeer(body('teleport_registered_servers{version="16.4.6"} 3\n'));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, metrics: { edge: [peer.url] } } });
    const api = operatorClient(server);
    await api('POST', '/inventory?channel=edge', inventory());
    await vi.waitFor(async () => {
      const { body: report } = await api('POST', '/channels/edge/check', { version: '16.4.7' });
      const failing = report.evidence.find(({ source }: { source: string }) => source === 'teleport-metrics')?.failing;
      expect(failing).toMatchObject({ fault: expect.any(String) });
      expect(report.warnings.map(({ reason }: { reason: string }) => reason)).not.toContain('evidence_stale');
    });
  });
});

describe('metrics under the name of a control plane', () => {
  it('count for each of its channels, and say on every server that they cannot be read', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 3 })));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, metrics: { main: [peer.url] } } });
    const api = operatorClient(server);
    const source = async () => (await api('GET', '/census?channel=edge')).body.sources[0];
    await vi.waitFor(async () => expect(await source()).toMatchObject({ source: 'teleport-metrics', agents: 3 }));
    peer.answer = body('teleport_registered_servers{version="16.4.6"} 3\n');
    await vi.waitFor(async () => {
      const failing = { since: expect.any(String), fault: expect.stringContaining('automatic_updates') };
      expect(await source()).toMatchObject({ agents: 3, failing });
    });
    peer.answer = body(authMetrics({ '16.4.6': 4 }));
    await vi.waitFor(async () => expect(await source()).toMatchObject({ agents: 4, failing: null }));
  });
});

describe('a control plane', () => {
  const version = async (server: TestServer) =>
    (await operatorClient(server)('GET', '/control-planes/main')).body.version;

  it('is read from its proxy, and only changes are written', async () => {
    const peer = await startPeer((request, response) => {
      response.writeHead(request.url === '/webapi/ping' ? 200 : 404).end(ping('16.4.7'));
    });
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, controlPlanes: { main: peer.url } } });
    await vi.waitFor(async () => expect(await version(server)).toBe('16.4.7'));
    await readAgain(peer);
    peer.answer = body(ping('v17.0.1'));
    await vi.waitFor(async () => expect(await version(server)).toBe('17.0.1'));
    const { entries } = (await operatorClient(server)('GET', '/audit')).body;
    const reports = entries.filter(({ action }: { action: string }) => action === 'report');
    expect(reports).toMatchObject([
      { actor: 'system:sources', after: { version: '17.0.1' } },
      { actor: 'system:sources', after: { version: '16.4.7' } },
    ]);
  });

  it('shows since when its proxy cannot be read, until it can be read again', async () => {
    const peer = await startPeer(body(ping('16.4.7')));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, controlPlanes: { main: peer.url } } });
    const api = operatorClient(server);
    const plane = async () => (await api('GET', '/control-planes/main')).body;
    await vi.waitFor(async () => expect(await plane()).toMatchObject({ version: '16.4.7', failing: null }));
    peer.answer = body('nonsense');
    await vi.waitFor(async () =>
      expect(await plane()).toMatchObject({
        version: '16.4.7',
        failing: { since: expect.stringMatching(/Z$/), fault: 'its answer is not JSON' },
      }),
    );
    expect((await api('PUT', '/control-planes/main', { version: '16.4.8' })).body.failing).not.toBeNull();
    peer.answer = body(ping('16.4.8'));
    await vi.waitFor(async () => expect(await plane()).toMatchObject({ version: '16.4.8', failing: null }));
  });

  it('that has several proxies behind one address is held together, and is not news each time', async () => {
    let turn = 0;
    const peer = await startPeer((_, response) => response.end(ping(turn++ % 2 ? '16.4.7' : '17.0.1')));
    const evidence = { settleFor: '1m' };
    const server = await startServer({ ...CHANNEL, evidence, sources: { ...FAST, controlPlanes: { main: peer.url } } });
    const api = operatorClient(server);
    await vi.waitFor(async () => {
      expect((await api('GET', '/control-planes/main')).body).toMatchObject({ lowest: '16.4.7', highest: '17.0.1' });
    });
    const { revision } = (await api('GET', '/control-planes/main')).body;
    await readAgain(peer);
    await readAgain(peer);
    expect((await api('GET', '/control-planes/main')).body.revision).toBe(revision);
  });

  it('has the version of /webapi/find where its proxy has no ping, and of each of its proxies', async () => {
    const old = await startPeer((request, response) => {
      response.writeHead(request.url === '/webapi/find' ? 200 : 404).end(ping('16.4.7+fips'));
    });
    const proxies = [old.url, (await startPeer(body(ping('17.0.1')))).url];
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, controlPlanes: { main: proxies } } });
    const read = async () => (await operatorClient(server)('GET', '/control-planes/main')).body;
    await vi.waitFor(async () => expect(await read()).toMatchObject({ lowest: '16.4.7', highest: '17.0.1' }));
  });

  it("does not take Fairway's own answer for that of a proxy", async () => {
    const peer = await startPeer((_, response) => response.setHeader('Fairway-Revision', '5').end(ping('18.0.0')));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, controlPlanes: { main: peer.url } } });
    const failed = /^fairway_source_failures_total{source="control-plane",name="main",reason="malformed"}/m;
    await vi.waitFor(async () => expect(await metrics(server)).toMatch(failed));
    expect(await version(server)).toBe('16.4.0');
  });

  it.each(FAULTS)('keeps its version when its proxy $name', async ({ reason, answer }) => {
    const peer = await startPeer(body(ping('16.4.7')));
    const server = await startServer({ ...CHANNEL, sources: { ...FAST, controlPlanes: { main: peer.url } } });
    await vi.waitFor(async () => expect(await version(server)).toBe('16.4.7'));
    peer.answer = answer(ping('18.0.0'));
    const failed = new RegExp(
      `^fairway_source_failures_total{source="control-plane",name="main",reason="${reason}"}`,
      'm',
    );
    await vi.waitFor(async () => expect(await metrics(server)).toMatch(failed), { timeout: 10_000 });
    expect(await version(server)).toBe('16.4.7');
  });
});

describe('a source that refuses connections', () => {
  it('is not evidence, next to one that answers', async () => {
    const peer = await startPeer(body(authMetrics({ '16.4.6': 3 })));
    const server = await startServer({
      ...CHANNEL,
      sources: { ...FAST, metrics: { edge: ['http://127.0.0.1:1', peer.url] } },
    });
    const refused = /^fairway_source_failures_total{.*name="edge",reason="unreachable"}/m;
    await vi.waitFor(async () => expect(await metrics(server)).toMatch(refused));
    expect((await operatorClient(server)('GET', '/census?channel=edge')).body.sources).toMatchObject([
      { source: 'teleport-metrics', complete: false, fresh: false, agents: 0, failing: { fault: expect.any(String) } },
      { source: 'presumed' },
    ]);
  });
});
