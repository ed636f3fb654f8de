import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import { body, startPeer } from '../support/peer.ts';
import { ROOT, readLogs, runFairway, startFairway } from '../support/process.ts';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';
import {
  operatorClient,
  QUICKSTART,
  startServer,
  type TestServer,
  TOKENS,
  temporaryDirectory,
} from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';

const traced = ({ endpoint }: Pick<Collector, 'endpoint'>, over: Raw = {}): Raw => ({
  tracing: { endpoint, timeout: '500ms', ...over },
});

const QUIET_LEADER = { plansEvery: '1h', seriesEvery: '1h' };
const ROUTE = '/api/v1/channels/:channel/roll-forward';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

async function metricOf({ operatorUrl }: Pick<TestServer, 'operatorUrl'>, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${operatorUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}

describe('a traced operator request', () => {
  it('continues the caller’s trace, and contains the gate’s assessment and the calls to the store', async () => {
    const collector = await startCollector();
    const server = await startServer({ ...QUICKSTART, ...traced(collector), leader: QUIET_LEADER });
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01` };
    const move = { version: '16.4.7', reason: 'a trace' };
    const path = '/channels/stable%2Fcloud/roll-forward';
    expect((await operatorClient(server, 'operator')('POST', path, move, headers)).status).toBe(200);
    await server.close();

    const [request] = collector.named(`POST ${ROUTE}`);
    expect(request).toMatchObject({
      traceId: TRACE,
      parentSpanId: CALLER,
      kind: 2,
      failed: false,
      service: 'fairway',
      attributes: {
        'http.request.method': 'POST',
        'http.route': ROUTE,
        'http.response.status_code': 200,
        'fairway.actor': 'token:operator',
      },
    });
    const children = collector.childrenOf(request);
    const assessment = children.find(({ name }) => name === 'gate assess');
    expect(assessment?.attributes).toMatchObject({
      'fairway.channel': 'stable/cloud',
      'fairway.target': '16.4.7',
      'fairway.allowed': true,
      'fairway.reasons': [],
    });
    expect(collector.childrenOf(assessment)).toMatchObject([
      { name: 'store counts', kind: 3, attributes: { 'db.system.name': 'lmdb', 'db.operation.name': 'counts' } },
    ]);
    expect(children.find(({ name }) => name === 'store commit')?.attributes).toMatchObject({
      'fairway.action': 'roll-forward',
      'fairway.subject': 'channel/stable/cloud',
      'fairway.outcome': 'committed',
      'fairway.revision': 2,
    });
  });

  it('contains no token and no path, and the reasons of a refusal', async () => {
    const collector = await startCollector();
    const server = await startServer({ ...QUICKSTART, ...traced(collector), leader: QUIET_LEADER });
    const api = operatorClient(server);
    await api('POST', '/channels/stable%2Fcloud/check', { version: '18.0.0' });
    await api('GET', '/channels/secret-channel');
    await fetch(`${server.operatorUrl}/what-a-stranger-asks?token=${TOKENS.admin}`);
    await server.close();

    expect(collector.named('gate assess')[0]?.attributes['fairway.reasons']).toContain('target_ahead_of_control_plane');
    const [unknown] = collector.named('GET /api/v1/channels/:channel');
    expect(unknown).toMatchObject({ failed: false, attributes: { 'http.response.status_code': 404 } });
    expect(collector.spans.filter(({ parentSpanId }) => !parentSpanId)).not.toEqual([]);
    for (const secret of [...Object.values(TOKENS), 'secret-channel', 'what-a-stranger-asks']) {
      expect(collector.text).not.toContain(secret);
    }
  });

  it('has its ids in the log lines that are written in it', async () => {
    const collector = await startCollector();
    let logged = '';
    const stream = new PassThrough().on('data', (chunk) => (logged += chunk));
    const log = pino({ level: 'debug' }, stream);
    const server = await startServer({ ...QUICKSTART, ...traced(collector) }, { log });
    await operatorClient(server)('GET', '/channels', undefined, { traceparent: `00-${TRACE}-${CALLER}-01` });
    await server.close();
    const lines = readLogs(logged);
    const [request] = collector.named('GET /api/v1/channels');
    expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({
      route: '/api/v1/channels',
      trace_id: TRACE,
      span_id: request?.spanId,
    });
    expect(lines.find(({ msg }) => msg === 'fairway is up')).not.toHaveProperty('trace_id');
  });

  it('is dropped if the caller or the sampling decides so', async () => {
    const collector = await startCollector();
    const server = await startServer({
      ...QUICKSTART,
      ...traced(collector, { sampleRatio: 0 }),
      leader: QUIET_LEADER,
    });
    const api = operatorClient(server);
    await api('GET', '/channels');
    await api('GET', '/census', undefined, { traceparent: `00-${TRACE}-${CALLER}-00` });
    await api('GET', '/agents', undefined, { traceparent: `00-${TRACE}-${CALLER}-01` });
    await server.close();
    expect(collector.spans.map(({ name }) => name).sort()).toEqual(['GET /api/v1/agents', 'store agents']);
  });

  it('leaves out polls, probes and scrapes', async () => {
    const collector = await startCollector();
    const server = await startServer({ ...QUICKSTART, ...traced(collector), leader: QUIET_LEADER });
    const headers = { 'Agent-Id': 'agent-1', 'Agent-Version': '16.4.6', traceparent: `00-${TRACE}-${CALLER}-01` };
    await fetch(`${server.publicUrl}/v1/stable/cloud/version`, { headers });
    for (const path of ['/healthz', '/readyz', '/metrics']) await fetch(`${server.operatorUrl}${path}`, { headers });
    await operatorClient(server)('GET', '/channels');
    await server.close();
    expect(collector.spans.map(({ name }) => name)).toEqual(['GET /api/v1/channels']);
  });
});

describe('traced background work', () => {
  it('is a trace for each round that does work: sources with their peers, the sweep, a step of a plan', async () => {
    const collector = await startCollector();
    let versions: Record<string, number> = { '16.5.0': 2 };
    const auth = await startPeer((request, response) => body(authMetrics(versions))(request, response));
    const gone = 'http://127.0.0.1:1';
    const server = await startServer({
      ...traced(collector),
      leader: { plansEvery: '50ms' },
      fleet: { staleAfter: '20s' },
      evidence: { settleFor: '100ms' },
      sources: { every: '50ms', timeout: '1s', metrics: { edge: [`${auth.url}/diag`] }, controlPlanes: { lost: gone } },
      bootstrap: {
        controlPlanes: { main: '17.9.0' },
        channels: [{ name: 'edge', target: '16.5.0', controlPlane: 'main' }],
      },
    });
    const api = operatorClient(server);
    await api(
      'POST',
      '/releases/import',
      ['16.5.0', '17.5.1', '18.0.0'].map((version) => ({ version, date: null, security: false })),
    );
    await vi.waitFor(async () => expect((await api('GET', '/census?channel=edge')).body.agents).toBe(2));
    const plan = { version: '18.0.0', reason: 'to 18', stepped: true };
    expect((await api('POST', '/channels/edge/roll-forward', plan)).body).toMatchObject({
      channel: { target: '17.5.1' },
    });
    versions = { '17.5.1': 2 };
    await api('PUT', '/control-planes/main', { version: '18.0.0' });
    await vi.waitFor(async () => expect((await api('GET', '/channels/edge')).body.target).toBe('18.0.0'));
    await vi.waitFor(() => expect(collector.named('leader sweep')).not.toEqual([]));
    await server.close();

    const [step] = collector.named('plan step');
    expect(step?.attributes).toEqual({ 'fairway.channel': 'edge', 'fairway.target': '18.0.0' });
    expect(collector.childrenOf(step)).toMatchObject([{ name: 'store commit' }]);
    const round = collector.named('leader plans').find(({ spanId }) => spanId === step?.parentSpanId);
    const steps = ['store counts', 'gate assess', 'gate assess', 'plan step'];
    expect(collector.childrenOf(round).map(({ name }) => name)).toEqual(steps);

    const [reading] = collector.named('leader sources');
    const readings = collector.childrenOf(reading).filter(({ name }) => name === 'peer read');
    expect(readings.map(({ failed, attributes }) => ({ failed, ...attributes }))).toEqual(
      expect.arrayContaining([
        { failed: false, 'server.address': '127.0.0.1', 'server.port': expect.any(Number), 'url.path': '/diag' },
        {
          failed: true,
          'server.address': '127.0.0.1',
          'server.port': 1,
          'url.path': '/webapi/ping',
          'error.type': 'unreachable',
        },
      ]),
    );
    expect(collector.childrenOf(collector.named('leader sweep')[0])).toMatchObject([
      { name: 'store counts' },
      { name: 'store prune' },
    ]);
    expect(collector.named('leader promotion')).toEqual([]);
  });

  it('has the steps of a promotion', async () => {
    const collector = await startCollector();
    const promotion = await startStages([openStage('canary')], traced(collector));
    await promotion.register();
    await promotion.until('canary', 'soaking');
    await promotion.server.close();
    const steps = collector.named('promotion step');
    expect(steps.map(({ attributes }) => attributes['fairway.event'])).toEqual([
      'start',
      'control-planes-ready',
      'channels-serve',
    ]);
    for (const step of steps) {
      expect(step.attributes).toMatchObject({ 'fairway.release': RELEASE, 'fairway.stage': 'canary' });
      expect(collector.named('leader promotion').map(({ spanId }) => spanId)).toContain(step.parentSpanId);
      expect(collector.childrenOf(step)).toMatchObject([{ name: 'store commit' }]);
    }
  });
});

describe('a collector', () => {
  const FAULTS: [string, RequestListener | null][] = [
    ['is away', null],
    ['never answers', () => {}],
    ['refuses', (_request, response) => response.writeHead(403).end('no')],
  ];

  it.each(FAULTS)('that %s does not affect requests; its spans are dropped and counted', async (_, answer) => {
    const collector = await startCollector();
    let logged = '';
    const log = pino(
      {},
      new PassThrough().on('data', (chunk) => (logged += chunk)),
    );
    const server = await startServer({ ...QUICKSTART, ...traced(collector), leader: QUIET_LEADER }, { log });
    if (answer) collector.answer = answer;
    else await collector.stop();
    const api = operatorClient(server);
    for (const version of ['16.4.7', '16.4.8']) {
      const move = { version, reason: 'a trace' };
      expect((await api('POST', '/channels/stable%2Fcloud/roll-forward', move)).status).toBe(200);
    }
    const dropped = () => metricOf(server, 'fairway_trace_spans_dropped_total{reason="not_sent"}');
    await vi.waitFor(async () => expect(await dropped()).toBeGreaterThan(0));
    expect(await metricOf(server, 'fairway_trace_spans_sent_total')).toBe(0);
    await api('GET', '/channels');
    const began = performance.now();
    await server.close();
    // Its deadline is 1 s; the rest is for a slow machine.
    expect(performance.now() - began).toBeLessThan(8_000);
    const warnings = readLogs(logged).filter(({ msg }) => /traces cannot be sent/.test(String(msg)));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toHaveProperty('trace_id');
  });

  it('that is too slow fills no more than a queue', async () => {
    const collector = await startCollector();
    collector.answer = () => {};
    const server = await startServer({ ...QUICKSTART, ...traced(collector, { timeout: '30s' }), leader: QUIET_LEADER });
    const api = operatorClient(server, 'viewer');
    const REQUESTS = 1_500;
    // A span for the request and one for the counts that it reads.
    for (let n = 0; n < REQUESTS; n++) expect((await api('GET', '/census?channel=stable%2Fcloud')).status).toBe(200);
    const dropped = (await metricOf(server, 'fairway_trace_spans_dropped_total{reason="queue_full"}')) ?? 0;
    // 2,048 wait, and a batch of up to 512 is under way.
    expect(2 * REQUESTS - dropped).toBeGreaterThanOrEqual(2_048);
    expect(2 * REQUESTS - dropped).toBeLessThanOrEqual(2_048 + 512);
  });
});

describe('the built program', () => {
  /** The bundles that a process has run, by V8's coverage. */
  function loaded(coverage: string): string[] {
    const reports = readdirSync(coverage).map((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')));
    const urls = reports.flatMap(({ result }: { result: { url: string }[] }) => result.map(({ url }) => url));
    const files = urls.filter((url) => url.includes(join(ROOT, 'dist/'))).map((url) => basename(url));
    // A bundle that is loaded on demand has the name of its source file and a hash; the rest are shared chunks.
    const parts = files.map((name) => name.replace(/(-[A-Z0-9]+)?\.js$/, '')).filter((name) => name !== 'chunk');
    return [...new Set(parts)].sort();
  }

  it('does not load OpenTelemetry without an endpoint', async () => {
    const coverage = temporaryDirectory();
    const server = await startFairway({ env: { NODE_V8_COVERAGE: coverage } });
    await server.api('GET', '/channels');
    expect(await server.metric('fairway_trace_spans_sent_total')).toBeUndefined();
    server.signal('SIGTERM');
    expect(await server.exit).toMatchObject({ code: 0 });
    expect(loaded(coverage)).toEqual(['embedded', 'main', 'operator']);
  });

  it('sends the last spans before it ends, with the service name from the environment', async () => {
    const [coverage, collector] = [temporaryDirectory(), await startCollector()];
    const sources = { every: '50ms', controlPlanes: { lost: 'http://127.0.0.1:1' } };
    const server = await startFairway({
      settings: { ...QUICKSTART, sources },
      env: {
        NODE_V8_COVERAGE: coverage,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.endpoint,
        OTEL_SERVICE_NAME: 'fairway-eu',
      },
    });
    expect((await server.api('GET', '/channels/nowhere')).status).toBe(404);
    await vi.waitFor(() => expect(collector.named('peer read')[0]?.attributes['error.type']).toBe('unreachable'));
    server.signal('SIGTERM');
    expect(await server.exit).toMatchObject({ code: 0 });
    expect(collector.named('GET /api/v1/channels/:channel')).toMatchObject([{ service: 'fairway-eu' }]);
    expect(loaded(coverage)).toEqual(['embedded', 'main', 'operator', 'otlp']);
  });

  it('refuses an endpoint with credentials, and a sample ratio above 1', async () => {
    const program = runFairway({
      settings: { tracing: { endpoint: 'http://me:secret@collector:4318/v1/traces', sampleRatio: 2 } },
    });
    expect(await program.exit).toMatchObject({ code: 2 });
    expect(program.stderr).toMatch(/tracing\.endpoint: leave out the credentials/);
    expect(program.stderr).toMatch(/tracing\.sampleRatio/);
    expect(program.stderr).not.toContain('secret');
  });
});
