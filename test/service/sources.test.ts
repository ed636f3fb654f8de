import { describe, expect, it, vi } from 'vitest';
import { body, FAULTS, startPeer, type TestPeer } from '../support/peer.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { AUTH_METRICS, authMetrics } from '../support/teleport.ts';

const CHANNEL = { bootstrap: { channels: [{ name: 'edge', target: '16.4.6', controlPlane: 'main' }] } };
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
    expect(reports).toMatchObject([{ actor: 'system:sources' }, { actor: 'system:sources' }]);
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
      { source: 'presumed' },
    ]);
  });
});
