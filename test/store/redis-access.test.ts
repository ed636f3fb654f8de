import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import type { Store } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import * as carryOver from '../../src/store/redis-scripts/carry-over.ts';
import * as control from '../../src/store/redis-scripts/control.ts';
import * as fleet from '../../src/store/redis-scripts/fleet.ts';
import * as lease from '../../src/store/redis-scripts/lease.ts';
import * as series from '../../src/store/redis-scripts/series.ts';
import * as surveys from '../../src/store/redis-scripts/surveys.ts';
import { createAuthority } from '../support/certificates.ts';
import { redisAt } from '../support/redis-access.ts';
import { freePort, type RedisProcess, startRedis } from '../support/redis-server.ts';
import { startSixNodes } from '../support/redis-sets.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';
import { storeContract } from './contract.ts';
import { asAdmin, audit, openRedis, silent } from './redis-harness.ts';

const PASSWORD = 'hunter2/with:odd@signs%';
/** The lines that docs/operating.md tells operators to put into the aclfile. */
const [, ACL = ''] = /```acl\n(.*?)```/s.exec(readFileSync('docs/operating.md', 'utf8')) ?? [];
const sha256 = createHash('sha256').update(PASSWORD).digest('hex');

const dir = mkdtempSync(join(tmpdir(), 'fairway-tls-'));
const newAuthority = (name: string) => {
  mkdirSync(join(dir, name));
  return createAuthority(join(dir, name));
};
const authority = newAuthority('ours');
const stranger = newAuthority('a-stranger');
const filesOf = ({ certificate, key }: { certificate: string; key: string }) => ({
  certFile: certificate,
  keyFile: key,
});
const client = filesOf(authority.issue('client'));
const strangersClient = filesOf(stranger.issue('client'));
const passwordFile = join(dir, 'password');

let redis: RedisProcess;
let tlsPort: number;
beforeAll(async () => {
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  const aclFile = join(dir, 'users.acl');
  const admin = 'user admin on nopass ~* &* +@all';
  writeFileSync(aclFile, `${ACL.replace('SHA256_OF_THE_PASSWORD', sha256)}${admin}\n`);
  const { certFile, keyFile } = filesOf(authority.issue('redis', 2, 'IP:127.0.0.1'));
  const spare = await startRedis();
  tlsPort = spare.port;
  await spare.stop();
  const certificates = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', authority.ca];
  const atOnce = ['--repl-diskless-sync-delay', '0'];
  redis = await startRedis({ args: ['--aclfile', aclFile, '--tls-port', String(tlsPort), ...certificates, ...atOnce] });
});
afterAll(async () => {
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
});

const as = (user: string) => redis.url.replace('//', `//${user}@`);
const asFairway = () => as(`fairway:${encodeURIComponent(PASSWORD)}`);
const asRoot = () => as('admin:any');

describe('as the user of docs/operating.md', () => {
  storeContract('redis', {
    fresh: async (limits) => {
      await asAdmin(asRoot(), (admin) => admin.flushall());
      return openRedis(asFairway(), { limits });
    },
    again: () => openRedis(asFairway()),
  });

  it('hears of changes, and logs no warning', async () => {
    const log = { info: vi.fn(), warn: vi.fn() };
    const store = await openRedis(asFairway(), { log });
    const heard = vi.fn();
    store.onChange(heard);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    expect(log.warn).not.toHaveBeenCalled();
    await store.close();
  });

  it.each([
    ['a key of others', ['GET', 'sessions']],
    ['a key that only looks alike', ['GET', 'fairway:documents']],
    ['a channel of others', ['SUBSCRIBE', 'news']],
    ['a message to others', ['PUBLISH', 'news', 'x']],
    ['a script with a key of others', ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'sessions']],
    ['a script that flushes', ['EVAL', "return redis.call('FLUSHALL')", '0']],
    ['FLUSHALL', ['FLUSHALL']],
    ['CONFIG', ['CONFIG', 'GET', '*']],
    ['KEYS', ['KEYS', '*']],
    ['ACL', ['ACL', 'LIST']],
  ] as [string, [string, ...string[]]][])('may not touch %s', async (_, [command, ...args]) => {
    const refused = asAdmin(asFairway(), (redis) => redis.call(command, ...args));
    await expect(refused).rejects.toThrow(/NOPERM|permissions|can't run this command/i);
  });

  it('allows no unused command', () => {
    const allowed = [...ACL.matchAll(/\+([\w|]+)/g)].map(([, command]) => command);
    const scripts = [carryOver, control, fleet, lease, series, surveys].flatMap((file) =>
      Object.values<{ lua: string } | string>(file),
    );
    const lua = scripts.map((script) => (typeof script === 'string' ? script : script.lua)).join('\n');
    const called = [...lua.matchAll(/redis\.call\('(\w+)'/g)].map(([, command = '']) => command.toLowerCase());
    const direct = ['info', 'subscribe', 'eval', 'evalsha', 'get', 'hgetall'];
    expect(allowed.sort()).toEqual([...new Set([...called, ...direct])].sort());
  });
});

describe('with the additions of docs/operating.md', () => {
  /** Creates a user of that name with the permissions of `fairway`, and `added`. */
  const grant = (url: string, user: string, added: string) =>
    asAdmin(url, async (admin) => {
      const [, rules = ''] = /^user fairway on #\S+ (.*)$/m.exec(ACL) ?? [];
      await admin.call('ACL', 'SETUSER', user, 'on', `#${sha256}`, ...rules.split(' '), ...added.split(' '));
      await admin.call('ACL', 'LOG', 'RESET');
    });
  /** The commands that were refused. */
  const refused = (url: string) =>
    asAdmin(url, async (admin) => {
      const log = (await admin.call('ACL', 'LOG')) as string[][];
      return log.map((entry) => entry[entry.indexOf('object') + 1]);
    });
  const login = (user: string) => `${user}:${encodeURIComponent(PASSWORD)}@`;
  const open = async (redisUrl: string, replicas = 0) => {
    const replication = { replicas, timeout: 5_000 };
    const store = await openStore({
      redis: redisAt(redisUrl),
      dataDir: '/nowhere',
      deadline: 5_000,
      replication,
      log: silent,
    });
    onTestFinished(() => store.close());
    return store;
  };
  const commit = (store: Store, key: string) => store.commit({ writes: [{ key, ifRevision: 0, value: {} }], audit });

  it.each([
    ['+wait', 'confirmed by a replica', { wanted: 1, reached: 1 }, []],
    ['-wait', 'not replicated, whatever replicas there are', { wanted: 1, reached: 0 }, ['wait']],
  ])('%s: changes are %s', async (added, _, reached, denied) => {
    await asAdmin(asRoot(), (admin) => admin.flushall());
    const { port } = redis;
    const following = ['--replicaof', '127.0.0.1', String(port), '--masteruser', 'admin', '--masterauth', 'any'];
    const replica = await startRedis({ args: following });
    onTestFinished(() => replica.stop());
    await grant(asRoot(), 'replicated', added);
    const store = await open(redis.url.replace('//', `//${login('replicated')}`), 1);
    expect(await commit(store, 'a')).toEqual({
      entry: expect.anything(),
      ...(denied.length ? { short: reached } : {}),
    });
    expect(await store.replication()).toEqual(reached);
    expect([...new Set(await refused(asRoot()))]).toEqual(denied);
  });

  it('+cluster|slots and the like: a cluster needs nothing else', async () => {
    const cluster = await startSixNodes();
    onTestFinished(() => cluster.stop());
    for (const { url } of cluster.servers)
      await grant(url, 'fairway', '+wait +cluster|slots +readonly +client|setname');
    const store = await open(cluster.url.replace('//', `//${login('fairway')}`), 1);
    const heard = vi.fn();
    store.onChange(heard);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    heard.mockClear();
    expect(await commit(store, 'a')).toEqual({ entry: expect.anything() });
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    // The client connects to replicas in the background.
    await vi.waitFor(async () => {
      for (const { url } of cluster.servers) {
        const clients = String(await asAdmin(url, (admin) => admin.call('CLIENT', 'LIST')));
        expect(clients).toContain('user=fairway ');
      }
    });
    expect((await Promise.all(cluster.servers.map(({ url }) => refused(url)))).flat()).toEqual([]);
  });
});

/** Opens a store on the TLS port, with its log. */
async function startOnTls(tls: Raw, redisUrl = `rediss://fairway@127.0.0.1:${tlsPort}`) {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const settings = { ...QUICKSTART, redisUrl, redis: { passwordFile, tls }, dataDir: temporaryDirectory() };
  const server = await startServer(settings, { log });
  return { api: operatorClient(server), logged: () => lines.join('') };
}

describe('over TLS', () => {
  it('signs in with a user, the password in a file, and a client certificate', async () => {
    await asAdmin(asRoot(), (admin) => admin.flushall());
    const { api, logged } = await startOnTls({ caFile: authority.ca, ...client });
    const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    expect(moved).toMatchObject({ status: 200 });
    expect(await asAdmin(asRoot(), (admin) => admin.hexists('{fairway}:documents', 'channel/stable/cloud'))).toBe(1);
    expect(logged()).not.toContain(PASSWORD);
  });

  it('finds the primary through a sentinel with its own password', async () => {
    await asAdmin(asRoot(), (admin) => admin.flushall());
    const port = await freePort();
    const { certFile, keyFile } = filesOf(authority.issue('sentinel', 2, 'IP:127.0.0.1'));
    const tls = [`tls-port ${port}`, `tls-cert-file ${certFile}`, `tls-key-file ${keyFile}`];
    const trust = [`tls-ca-cert-file ${authority.ca}`, 'tls-replication yes', 'requirepass its-own'];
    const watch = [`sentinel monitor main 127.0.0.1 ${tlsPort} 1`, 'sentinel auth-user main admin'];
    const sentinel = await startRedis({ sentinel: [...tls, ...trust, ...watch, 'sentinel auth-pass main any'] });
    onTestFinished(() => sentinel.stop());
    const url = `rediss+sentinel://fairway@127.0.0.1:${port}/main`;
    const { api, logged } = await startOnTls({ caFile: authority.ca, ...client }, `${url}?sentinelPassword=its-own`);
    const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    expect(moved).toMatchObject({ status: 200 });
    expect(logged()).not.toContain('its-own');
    const stranger = await startOnTls({ caFile: authority.ca, ...client }, url);
    const { status, body } = await stranger.api('GET', '/audit');
    expect({ status, detail: body.detail }).toEqual({ status: 503, detail: expect.stringContaining('NOAUTH') });
  });

  it.each<[string, () => [Raw, string?], RegExp]>([
    ['a CA that did not sign', () => [{ caFile: stranger.ca, ...client }], /redis\.tls\.caFile must hold the CA/],
    ['no CA', () => [client], /redis\.tls\.caFile must hold the CA/],
    ['no client certificate', () => [{ caFile: authority.ca }], /Redis asks for redis\.tls\.certFile/],
    [
      'a client certificate from an unknown authority',
      () => [{ caFile: authority.ca, ...strangersClient }],
      /Redis does not trust redis\.tls\.certFile/,
    ],
    [
      'another name',
      () => [{ caFile: authority.ca, ...client }, `rediss://fairway@localhost:${tlsPort}`],
      /the URL must name Redis as its certificate does/,
    ],
  ])('says what is wrong with %s', async (_, given, message) => {
    const { api, logged } = await startOnTls(...given());
    await vi.waitFor(async () => {
      const { status, body } = await api('GET', '/audit');
      expect({ status, detail: body.detail }).toEqual({ status: 503, detail: expect.stringMatching(message) });
    });
    expect(logged()).toMatch(message);
    expect(logged()).not.toContain(PASSWORD);
  });
});

it('warns of a Redis that may evict keys or lose data', async () => {
  const careless = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no'] });
  const log = { info: vi.fn(), warn: vi.fn() };
  const store = await openRedis(careless.url, { log });
  await vi.waitFor(() => expect(log.warn).toHaveBeenCalledTimes(2));
  expect(log.warn).toHaveBeenCalledWith(
    {},
    expect.stringMatching(/maxmemory-policy allkeys-lru\); set it to noeviction/),
  );
  expect(log.warn).toHaveBeenCalledWith({}, expect.stringMatching(/set appendonly to yes/));
  await store.close();
  await careless.stop();
});
