import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { canTls } from '../support/certificates.ts';
import { startCutOff } from '../support/cut-off.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { type Backend, haproxy, nginx, type RunningProxy } from '../support/proxies.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

const PATH = '/v1/stable/cloud/version';
/** Longer than HAProxy needs to notice, as docs/operating.md says. */
const SHUTDOWN = { drain: '2500ms', deadline: '5s' };

const start = (env: Record<string, string> = {}, dir = temporaryDirectory()) =>
  startFairway({ dir, env, settings: { ...QUICKSTART, shutdown: SHUTDOWN } });

const backendOf = ({ publicUrl, operatorUrl }: Pick<FairwayProcess, 'publicUrl' | 'operatorUrl'>): Backend => ({
  address: new URL(publicUrl).host,
  operatorPort: new URL(operatorUrl).port,
});

/** Runs the real curl as Teleport's shell updater does. Returns what it prints, or its exit code if it fails. */
function curl({ url, ca }: RunningProxy, path: string, ...more: string[]): Promise<string | number> {
  const args = ['--proto', '=https', '--tlsv1.2', '-sSf', '--cacert', ca, ...more, `${url}${path}`];
  return new Promise((resolve) => {
    execFile('curl', args, (error, stdout) => resolve(error ? Number(error.code) : stdout));
  });
}

/** Polls without pause, on kept connections and on new ones, and records every wrong answer. */
function load({ url, ca }: RunningProxy) {
  const wrong: string[] = [];
  let answered = 0;
  let on = true;
  async function client(keepAlive: boolean): Promise<void> {
    const agent = new Agent({ keepAlive, maxSockets: 1, ca: readFileSync(ca) });
    while (on) {
      const reply = await poll(`${url}${PATH}`, agent);
      if (reply !== '200 v16.4.6') wrong.push(reply);
      answered++;
    }
    agent.destroy();
  }
  const clients = [true, true, false, false].map(client);
  onTestFinished(() => {
    on = false;
  });
  return async () => {
    on = false;
    await Promise.all(clients);
    return { answered, wrong };
  };
}

function poll(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(url, { agent }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', (error) => resolve(String(error)));
    });
    asked.on('error', (error) => resolve(String(error)));
    asked.end();
  });
}

/** Stops a server and starts another one at the same addresses, as an upgrade does. */
async function replace(server: FairwayProcess): Promise<FairwayProcess> {
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  return start({
    FAIRWAY_PORT: new URL(server.publicUrl).port,
    FAIRWAY_OPERATOR_PORT: new URL(server.operatorUrl).port,
  });
}

const KINDS = [nginx, haproxy].filter(({ here }) => here && canTls);

describe.skipIf(KINDS.length === 0)('behind proxies set up as docs/operating.md shows', () => {
  it.each(KINDS)('the shell updater gets the bytes and the headers: $name', async ({ start: startProxy }) => {
    const server = await startServer(QUICKSTART);
    const proxy = await startProxy([backendOf(server), backendOf(server)]);
    await vi.waitFor(async () => expect(await curl(proxy, PATH)).toBe('v16.4.6'));
    for (const max of ['1.2', '1.3']) expect(await curl(proxy, PATH, '--tls-max', max)).toBe('v16.4.6');
    expect(await curl(proxy, '/v1/stable/cloud/critical')).toBe('no');
    expect(await curl(proxy, '/v1/stable%2Fcloud//version?x=1')).toBe('v16.4.6');
    expect(await curl(proxy, '/v1/unknown/version'), 'curl -f fails on 404').toBe(22);
    const shown = String(await curl(proxy, PATH, '-D-', '-o/dev/null', '--compressed'));
    for (const header of [
      /^HTTP\/1.1 200/,
      /^content-type: text\/plain; charset=utf-8\r$/im,
      /^content-length: 7\r$/im,
      /^cache-control: public, max-age=30, stale-if-error=86400\r$/im,
      /^etag: "v16.4.6"\r$/im,
      /^fairway-revision: \d+\r$/im,
    ]) {
      expect(shown).toMatch(header);
    }
    const again = await curl(proxy, PATH, '-H', 'If-None-Match: "v16.4.6"', '-o/dev/null', '-w', '%{http_code}');
    expect(again).toBe('304');
    await curl(proxy, PATH, '-H', 'Agent-Id: agent-1', '-H', 'Agent-Version: 16.4.3');
    const ask = operatorClient(server);
    await vi.waitFor(async () =>
      expect((await ask('GET', '/agents/agent-1')).body).toMatchObject({ version: '16.4.3' }),
    );
  });

  it('a server that is cut off from Redis is asked only if no other is there', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const ways = await Promise.all([startCutOff(redis.port), startCutOff(redis.port)]);
    const [cutOff, other] = await Promise.all(
      ways.map(({ url }) =>
        startFairway({ settings: { ...QUICKSTART, store: { compareEvery: '100ms' } }, env: { REDIS_URL: url } }),
      ),
    );
    const backends: [Backend, Backend] = [backendOf(cutOff as FairwayProcess), backendOf(other as FairwayProcess)];
    const proxies = await Promise.all(KINDS.map((kind) => kind.start(backends)));
    const answers = (proxy: RunningProxy, ...more: string[]) =>
      Promise.all(Array.from({ length: 8 }, () => curl(proxy, PATH, ...more)));
    const all = (body: string) => Array.from({ length: 8 }, () => body);
    for (const proxy of proxies) await vi.waitFor(async () => expect(await answers(proxy)).toEqual(all('v16.4.6')));

    ways[0]?.cut();
    const moved = { version: '16.4.7', reason: 'test' };
    expect(await other?.api('POST', '/channels/stable%2Fcloud/roll-forward', moved)).toMatchObject({ status: 200 });
    expect((await cutOff?.poll())?.body).toBe('v16.4.6');
    for (const proxy of proxies) {
      await vi.waitFor(async () => expect(await answers(proxy)).toEqual(all('v16.4.7')), 10_000);
      expect(await answers(proxy)).toEqual(all('v16.4.7'));
    }

    ways[1]?.cut();
    await vi.waitFor(async () => expect((await other?.poll())?.headers.get('age')).not.toBeNull(), 10_000);
    for (const [index, proxy] of proxies.entries()) {
      // HAProxy answers 503 itself for a moment if both checks fail at once.
      await vi.waitFor(async () => {
        const headers = await answers(proxy, '-D-');
        for (const shown of headers) {
          expect(shown, KINDS[index]?.name).toMatch(/^HTTP\/1.1 200/);
          expect(shown, KINDS[index]?.name).toMatch(/^fairway-state-age: \d+\r$/im);
          expect(shown, KINDS[index]?.name).toMatch(/v16\.4\.[67]$/);
        }
      }, 10_000);
    }
  });

  it('no poll is lost while the servers are replaced one after the other', { timeout: 120_000 }, async () => {
    const servers: [FairwayProcess, FairwayProcess] = [await start(), await start()];
    const backends: [Backend, Backend] = [backendOf(servers[0]), backendOf(servers[1])];
    const proxies = await Promise.all(KINDS.map((kind) => kind.start(backends)));
    for (const proxy of proxies) await vi.waitFor(async () => expect(await curl(proxy, PATH)).toBe('v16.4.6'));
    const stops = proxies.map(load);
    for (const server of servers) await replace(server);
    for (const [index, stop] of stops.entries()) {
      const { answered, wrong } = await stop();
      expect(wrong, KINDS[index]?.name).toEqual([]);
      expect(answered, KINDS[index]?.name).toBeGreaterThan(100);
    }
  });
});
