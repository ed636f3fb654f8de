import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ADMIN_TOKEN, startFairway } from '../support/process.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';

/** The status line that a server answers to these bytes. */
async function statusOf(url: string, lines: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  return (await text(socket)).split('\r\n')[0] ?? '';
}

describe('the data directory', () => {
  it('is for its owner alone, also one that others could read', async () => {
    const dir = temporaryDirectory();
    const data = join(dir, 'data');
    const first = await startFairway({ dir });
    await first.kill();
    chmodSync(data, 0o755);
    chmodSync(join(data, 'store'), 0o755);
    for (const name of readdirSync(join(data, 'store'))) chmodSync(join(data, 'store', name), 0o644);
    await startFairway({ dir });
    const open = readdirSync(data, { recursive: true, encoding: 'utf8' })
      .concat('.')
      .filter((name) => (statSync(join(data, name)).mode & 0o077) !== 0);
    expect(open).toEqual([]);
  });

  it('stays as it is if it is shared', async () => {
    const data = join(temporaryDirectory(), 'shared');
    mkdirSync(data);
    chmodSync(data, 0o1777);
    await startFairway({ env: { FAIRWAY_DATA_DIR: data } });
    expect(statSync(data).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(data, 'store')).mode & 0o077).toBe(0);
  });
});

describe('a Host header', () => {
  it.each([false, true])('that is not a host, or one of two, gets 400 (fast lane: %s)', async (fastLane) => {
    const server = await startFairway({ settings: { fastLane } });
    const before = server.logs().length;
    for (const hosts of [['1.2.3.4.5'], ['a b'], ['user@a'], ['a', 'a'], ['a', 'b'], ['[::1'], ['a:port']]) {
      const headers = hosts.map((host) => `Host: ${host}`);
      for (const path of ['/v1/stable/cloud/version', '/healthz', '/webapi/find']) {
        expect(await statusOf(server.publicUrl, [`GET ${path} HTTP/1.1`, ...headers]), hosts.join()).toMatch(/ 400 /);
      }
      for (const path of ['/', '/sign-in', '/metrics', '/api/v1/channels']) {
        expect(await statusOf(server.operatorUrl, [`GET ${path} HTTP/1.1`, ...headers]), hosts.join()).toMatch(/ 400 /);
      }
      const hook = ['POST /hooks/github HTTP/1.1', ...headers, 'Content-Length: 0'];
      expect(await statusOf(server.operatorUrl, hook)).toMatch(/ 400 /);
    }
    expect(server.logs().slice(before)).toEqual([]);
    for (const host of ['fair_way:8080', '[::1]:8080', 'FAIRWAY.example', '10.0.0.1', 'a.b.']) {
      expect(await statusOf(server.publicUrl, ['GET /healthz HTTP/1.1', `Host: ${host}`]), host).toMatch(/ 200 /);
      expect(await statusOf(server.operatorUrl, ['GET /healthz HTTP/1.1', `Host: ${host}`]), host).toMatch(/ 200 /);
    }
  });
});

describe('the operator listener', () => {
  it('forbids to guess types and to keep answers', async () => {
    const server = await startFairway();
    for (const path of ['/api/v1/channels', '/openapi.json', '/readyz', '/metrics', '/api/v1/nothing', '/sign-in']) {
      const { headers } = await fetch(server.operatorUrl + path);
      expect([headers.get('x-content-type-options'), headers.get('cache-control')], path).toEqual([
        'nosniff',
        'no-store',
      ]);
    }
  });

  it('cuts off bodies that drip, and an import only when it was answered', { timeout: 40_000 }, async () => {
    const server = await startFairway();
    const drip = async (path: string, token: string) => {
      const { hostname, port } = new URL(server.operatorUrl);
      const socket = connect(Number(port), hostname);
      const head = [`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', 'Content-Length: 1000'];
      socket.write(`${[...head, `Authorization: Bearer ${token}`].join('\r\n')}\r\n\r\n[`);
      const dripping = setInterval(() => socket.writable && socket.write(' '), 200);
      const began = performance.now();
      socket.on('error', () => {}).resume();
      await new Promise((resolve) => {
        socket.once('close', resolve);
        setTimeout(resolve, 15_000);
      });
      clearInterval(dripping);
      socket.destroy();
      return (performance.now() - began) / 1_000;
    };
    const [apply, hook, check, stranger] = await Promise.all([
      drip('/api/v1/inventory?channel=stable%2Fcloud', ADMIN_TOKEN),
      drip('/hooks/github', ''),
      drip('/api/v1/channels/stable%2Fcloud/check', ADMIN_TOKEN),
      drip('/api/v1/inventory?channel=stable%2Fcloud', 'wrong'),
    ]);
    expect(apply).toBeGreaterThan(14);
    for (const seconds of [hook, check, stranger]) expect(seconds).toBeLessThan(13);
    expect(server.logs().filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('refuses the webhook of GitHub until a repository is set, and says so at the start', async () => {
    const env = { FAIRWAY_GITHUB_WEBHOOK_SECRET: 'a-secret-of-the-tests-0123456789' };
    const open = await startFairway({ env });
    expect(open.logs().map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/until github\.repository is set/));
    const refused = await fetch(`${open.operatorUrl}/hooks/github`, { method: 'POST', body: '{}' });
    expect(refused.status).toBe(404);
    expect(await refused.text()).toContain('set github.repository');
    const closed = await startFairway({ env, settings: { github: { repository: 'a/b' } } });
    expect(closed.logs().map(({ msg }) => msg)).not.toContainEqual(expect.stringMatching(/github\.repository/));
  });

  it('bounds the connections of operators, so that polls find room', async () => {
    const server = await startFairway({ settings: { ...QUICKSTART, operator: { maxConnections: 5 } } });
    const { hostname, port } = new URL(server.operatorUrl);
    let ended = 0;
    const sockets = Array.from({ length: 12 }, () =>
      connect(Number(port), hostname)
        .on('close', () => ended++)
        .on('error', () => {}),
    );
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    await vi.waitFor(() => expect(ended).toBeGreaterThanOrEqual(7));
    expect((await server.poll()).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () =>
      expect(await server.metric('fairway_operator_connections_refused_total')).toBeGreaterThanOrEqual(7),
    );
  });

  it('takes the security mark from no release by an import', async () => {
    const server = await startFairway();
    const list = (security: boolean) => [{ version: '16.4.6', date: null, security }];
    await server.api('POST', '/releases/import', list(true));
    const { body } = await server.api('POST', '/releases/import', list(false));
    expect(body).toMatchObject({ imported: 0, unchanged: 1 });
    expect((await server.api('GET', '/releases/16.4.6')).body.security).toBe(true);
  });
});
