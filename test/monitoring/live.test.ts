import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { canTls, createAuthority } from '../support/certificates.ts';
import { body, startPeer } from '../support/peer.ts';
import { hasPrometheus, startPrometheus } from '../support/prometheus.ts';
import { openStage, release } from '../support/promotion.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';
import { asSent, dashboard, panels, releaseDashboard, releasePanels } from './dashboard.ts';
import { alerts, metricsOf, RULE_FILE, rules } from './rule-file.ts';

interface Result {
  metric: Record<string, string>;
  value: [at: number, value: string];
}

/** Asks Prometheus. Throws its own error message if it refuses the query. */
async function ask(url: string, path: string, parameters: Record<string, string> = {}) {
  const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const { status, error, data } = (await answer.json()) as { status: string; error?: string; data: unknown };
  if (status !== 'success') throw new Error(`${parameters.query ?? path}: ${error}`);
  return data;
}

const query = async (url: string, text: string) =>
  ((await ask(url, 'query', { query: text })) as { result: Result[] }).result;

/** A fleet in which every situation of the rules and panels occurs: a plan waits, a release soaks, one source fails. */
async function startTroubledFleet(): Promise<TestServer> {
  const auth = await startPeer(body(authMetrics({ '16.4.6': 2, '17.4.2': 1 })));
  const server = await startServer({
    bootstrap: {
      controlPlanes: { main: '17.0.1', edge: '18.1.0' },
      channels: [
        { name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' },
        { name: 'edge', target: '17.4.2', controlPlane: 'edge' },
        { name: 'canary', target: '16.4.7' },
      ],
    },
    fleet: { flushEvery: '50ms' },
    leader: { plansEvery: '50ms' },
    sources: { every: '100ms', metrics: { edge: [auth.url] }, controlPlanes: { gone: 'http://127.0.0.1:1' } },
    promotion: { stages: [openStage('canary')], advanceEvery: '50ms' },
  });
  const api = operatorClient(server);
  const done = async (answer: ReturnType<typeof api>) => expect(await answer).toMatchObject({ status: 200 });
  // A cloud release has the major after the latest stable one, so it comes before the others.
  await release(api).register();
  await release(api).until('canary', 'soaking');
  const releases = ['17.0.1', '17.4.2', '18.1.0'].map((version) => ({
    version,
    date: null,
    security: false,
  }));
  await done(api('POST', '/releases/import', releases));
  await done(api('POST', '/inventory?channel=stable%2Fcloud', inventory()));

  const stable = (verb: string, more: object) =>
    api('POST', `/channels/stable%2Fcloud/${verb}`, { reason: 'test', ...more });
  const refused = await stable('roll-forward', { version: '17.0.1' });
  expect(refused).toMatchObject({ status: 409, body: { report: { stranded: expect.any(Number) } } });
  const acceptStranding = refused.body.report.stranded;
  await done(stable('roll-forward', { version: '17.0.1', acceptStranding }));
  const hurried = await stable('critical', { critical: true });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await done(stable('critical', { critical: true, acceptStranding: hurried.body.report.stranded, until }));
  await done(stable('pin', { until }));
  expect(await api('POST', '/channels/canary/withdraw', { at: until, reason: 'test' })).toMatchObject({
    body: { scheduled: { verb: 'withdraw' } },
  });
  await vi.waitFor(async () => expect((await api('GET', '/census?channel=edge')).body.agents).toBe(3));
  await done(api('POST', '/channels/edge/roll-forward', { version: '18.1.0', stepped: true, reason: 'test' }));
  return server;
}

/** Agents and strangers that poll as long as the test lasts. */
function keepPolling({ publicUrl }: TestServer): void {
  const poll = (path: string, headers = {}) => fetch(`${publicUrl}${path}`, { headers }).catch(() => {});
  const timer = setInterval(() => {
    void poll('/v1/stable/cloud/version', {
      'Agent-Id': 'agent-1',
      'Agent-Version': '16.4.6',
      'Updater-Kind': 'kettle',
    });
    void poll('/v1/edge/critical', { 'If-None-Match': '"no"' });
    void poll('/robots.txt');
  }, 100);
  onTestFinished(() => clearInterval(timer));
}

describe.skipIf(!hasPrometheus || !canTls)('a real Prometheus that scrapes a real Fairway', () => {
  it('finds every rule healthy and has data for every panel', { timeout: 180_000 }, async () => {
    const server = await startTroubledFleet();
    keepPolling(server);
    const overTls = await startServer({ public: { tls: createAuthority().issue('served') } });
    const jobs = { fairway: [server, overTls].map(({ operatorUrl }) => new URL(operatorUrl).host) };
    const url = await startPrometheus({ jobs, rules: RULE_FILE });

    await vi.waitFor(
      async () => {
        const { groups } = (await ask(url, 'rules')) as { groups: { rules: { name: string; health: string }[] }[] };
        const health = groups.flatMap((group) => group.rules);
        expect(health).toHaveLength(rules.length);
        expect(health.filter((rule) => rule.health !== 'ok')).toEqual([]);
      },
      { timeout: 60_000, interval: 500 },
    );

    const queries = panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));
    const lacking = async ({ expr, legendFormat = '' }: (typeof queries)[number]) => {
      const result = await query(url, asSent(expr, '20s'));
      if (!result.some(({ value }) => Number.isFinite(Number(value[1])))) return 'no data';
      const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      const without = labels.find((label) => result.some(({ metric }) => !metric[label]));
      return without ? `no label ${without} for its legend` : null;
    };
    await vi.waitFor(
      async () => {
        const found = await Promise.all(
          queries.map(async (each) => ({ panel: each.title, query: each.expr, lacks: await lacking(each) })),
        );
        expect(found.filter(({ lacks }) => lacks)).toEqual([]);
      },
      { timeout: 60_000, interval: 500 },
    );

    for (const { expr } of dashboard.annotations.list) await query(url, asSent(expr, '20s'));
    const texts = [...rules, ...queries].map(({ expr }) => expr);
    const variables = dashboard.templating.list.map((each) => JSON.stringify(each.query));
    // Prometheus scrapes these servers without TLS, so none of them has the operator's certificate; none has a rollout.
    const absent = (metric: string) => /^fairway_(operator_tls_certificate|rollout)_/.test(metric);
    for (const metric of new Set(metricsOf([...texts, ...variables].join(' ')))) {
      if (absent(metric)) continue;
      expect(await ask(url, 'series', { 'match[]': metric }), metric).not.toEqual([]);
    }

    const firing = await query(url, 'ALERTS{alertstate="firing"}');
    expect(firing.map(({ metric }) => metric.alertname)).toContain('FairwayStrandingAccepted');
  });
});

describe.each([
  ['the dashboard', dashboard, panels],
  ['the dashboard of a release', releaseDashboard, releasePanels],
])('%s', (_, dashboard, panels) => {
  it('describes each panel, and no two panels overlap', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { title, description } of panels) expect(description, title).toMatch(/\.$/);
    const overlap = dashboard.panels.flatMap(({ title, gridPos: a }, index) =>
      dashboard.panels
        .slice(index + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => [title, other.title]),
    );
    expect(overlap).toEqual([]);
  });
});

it('docs/monitoring.md lists every alert with its severity and runbook', () => {
  const cells = readFileSync('docs/monitoring.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `Fairway'))
    .map((line) => line.split(' | '));
  expect(cells.map(([alert, severity, , runbook]) => [alert, severity, runbook])).toEqual(
    alerts.map(({ alert, labels, annotations }) => {
      const [, file = '', name = ''] = /^docs\/(runbooks\/(.*)\.md)$/.exec(annotations.runbook_url) ?? [];
      return [`| \`${alert}\``, labels.severity, `[${name}](${file}) |`];
    }),
  );
});
