import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { SettingsError } from '../../src/config/settings.ts';
import { type Authority, canTls, createAuthority } from '../support/certificates.ts';
import { body, startPeer } from '../support/peer.ts';
import { openStage, RELEASE, release } from '../support/promotion.ts';
import { operatorClient, startServer, temporaryDirectory, testSettings } from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';

const TOKEN = 'the-token-of-the-sources';
const PASSWORD = 'päss word: of the sources';
const FAST = { every: '50ms', timeout: '2s' };
const CHANNEL = { bootstrap: { channels: [{ name: 'edge', target: '16.4.6' }] } };
const ping = JSON.stringify({ server_version: '17.4.0' });

function secretFile(text: string): string {
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, text);
  return file;
}

/** Answers who says `authorization`, and 401 to others. */
const guarded =
  (authorization: string, answer: string): RequestListener =>
  (request, response) =>
    request.headers.authorization === authorization
      ? response.end(answer)
      : response.writeHead(401).end('who are you?');

/** All that a server logs. */
function logLines() {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  return { log, text: () => lines.join('') };
}

const basic = `Basic ${Buffer.from(`prom:${PASSWORD}`).toString('base64')}`;

describe.runIf(canTls)('over TLS with a private CA', () => {
  const authority = (): Authority => createAuthority();

  it('a control plane and auth servers are read, each with the login of its origin', async () => {
    const { ca, issue } = authority();
    const proxy = await startPeer(guarded(`Bearer ${TOKEN}`, ping), issue('proxy'));
    const auth = await startPeer(guarded(basic, authMetrics({ '16.4.6': 7 })), issue('auth'));
    const sources = {
      ...FAST,
      caFile: ca,
      logins: [
        { origin: proxy.url, tokenFile: secretFile(`${TOKEN}\n`) },
        { origin: auth.url, username: 'prom', passwordFile: secretFile(`${PASSWORD}\n`) },
      ],
      controlPlanes: { main: proxy.url },
      metrics: { edge: [`${auth.url}/metrics`] },
    };
    const { log, text } = logLines();
    const server = await startServer({ ...CHANNEL, sources }, { log });
    const api = operatorClient(server);
    await vi.waitFor(async () => {
      expect((await api('GET', '/control-planes/main')).body).toMatchObject({ version: '17.4.0' });
      expect((await api('GET', '/census?channel=edge')).body).toMatchObject({ agents: 7 });
    });
    for (const secret of [TOKEN, PASSWORD, basic.slice(6)]) expect(text()).not.toContain(secret);
  });

  it('a certificate of an unknown CA is a fault that names the way out', async () => {
    const proxy = await startPeer(body(ping), authority().issue('proxy'));
    const { log, text } = logLines();
    const sources = { ...FAST, controlPlanes: { main: proxy.url }, caFile: createAuthority().ca };
    const server = await startServer({ sources }, { log });
    await vi.waitFor(() => expect(text()).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE.*set caFile to the CA/));
    expect((await operatorClient(server)('GET', '/control-planes/main')).status).toBe(404);
    expect(proxy.requests).toBe(0);
  });

  it('a token that is replaced is sent from then on, and a file that is gone is a fault of the source', async () => {
    const { ca, issue } = authority();
    const proxy = await startPeer(guarded(`Bearer ${TOKEN}`, ping), issue('proxy'));
    const tokenFile = secretFile('an-old-token');
    const { log, text } = logLines();
    const logins = [{ origin: proxy.url, tokenFile }];
    const server = await startServer(
      { sources: { ...FAST, caFile: ca, logins, controlPlanes: { main: proxy.url } } },
      { log },
    );
    const api = operatorClient(server);
    await vi.waitFor(() => expect(text()).toMatch(/it answered 401/));
    writeFileSync(tokenFile, TOKEN);
    await vi.waitFor(async () => expect((await api('GET', '/control-planes/main')).status).toBe(200));
    writeFileSync(tokenFile, 'two\nlines');
    await vi.waitFor(() => expect(text()).toMatch(/sources\.logins\.0\.tokenFile: the file has to contain a token/));
    for (const secret of [TOKEN, 'an-old-token']) expect(text()).not.toContain(secret);
  });

  it('Prometheus is asked with its CA and its login', async () => {
    const { ca, issue } = authority();
    const data = { resultType: 'vector', result: [{ metric: {}, value: [0, '1'] }] };
    const answer = JSON.stringify({ status: 'success', data });
    const peer = await startPeer(guarded(`Bearer ${TOKEN}`, answer), issue('prometheus'));
    const conditions = [{ name: 'few-errors', query: 'errors < 1' }];
    const prometheus = { url: peer.url, caFile: ca, tokenFile: secretFile(TOKEN) };
    const stage = openStage('prod', { conditions, automatic: false });
    const server = await startServer({
      bootstrap: { channels: [{ name: 'prod', target: '16.4.7' }] },
      promotion: { stages: [stage], advanceEvery: '20ms', prometheus },
    });
    const { register, read } = release(operatorClient(server, 'release-manager'));
    await register(RELEASE);
    const [{ gates }] = (await read()).stages;
    expect(gates).toContainEqual({ gate: 'condition:few-errors', passed: true, reason: null });
  });
});

it('a login is sent to no other origin', async () => {
  const [mine, other] = [await startPeer(body(ping)), await startPeer(body(ping))];
  const seen = new Map<string, string | undefined>();
  for (const peer of [mine, other]) {
    peer.answer = (request, response) => {
      seen.set(peer.url, request.headers.authorization);
      response.end(ping);
    };
  }
  const logins = [{ origin: mine.url, tokenFile: secretFile(TOKEN) }];
  await startServer({ sources: { ...FAST, logins, controlPlanes: { a: mine.url, b: other.url } } });
  await vi.waitFor(() => expect(seen.size).toBe(2));
  expect([seen.get(mine.url), seen.get(other.url)]).toEqual([`Bearer ${TOKEN}`, undefined]);
});

it.each<[string, object, RegExp]>([
  [
    'an origin with a path',
    { sources: { logins: [{ origin: 'https://a/b', tokenFile: '/t' }] } },
    /origin: expected http/,
  ],
  ['a login without a secret', { sources: { logins: [{ origin: 'https://a' }] } }, /set tokenFile, or username/],
  [
    'a login of both kinds',
    { sources: { logins: [{ origin: 'https://a', tokenFile: '/t', username: 'u', passwordFile: '/p' }] } },
    /not both/,
  ],
  ['a user without a password', { promotion: { prometheus: { username: 'u' } } }, /username and passwordFile together/],
  [
    'a login in the address and in a file',
    { promotion: { prometheus: { url: 'https://u:p@a', tokenFile: '/t' } } },
    /has a login already/,
  ],
  [
    'an address that is none, beside a login',
    { promotion: { prometheus: { url: 'nonsense', tokenFile: '/t' } } },
    /promotion\.prometheus\.url/,
  ],
  [
    'a login in the address that cannot be decoded',
    { promotion: { prometheus: { url: 'https://u:50%@a' } } },
    /prometheus\.url.*%25/,
  ],
  ['credentials in the address of a proxy', { sources: { controlPlanes: { a: 'https://u:p@a' } } }, /sources\.logins/],
  [
    'credentials in the address of an auth server',
    { sources: { metrics: { a: ['https://u:p@a'] } } },
    /sources\.logins/,
  ],
])('%s is refused', (_, over, fault) => {
  expect(() => testSettings(over as never)).toThrow(fault);
});

it('a server does not start with a file that it cannot read, and says which', async () => {
  const over = { sources: { caFile: '/nowhere/ca.pem' }, promotion: { prometheus: { tokenFile: '/nowhere/token' } } };
  const error = await startServer(over).catch((cause) => cause);
  expect(error).toBeInstanceOf(SettingsError);
  expect(error.faults).toEqual([
    expect.stringMatching(/^sources\.caFile: cannot read the file: ENOENT/),
    expect.stringMatching(/^promotion\.prometheus\.tokenFile: cannot read the file: ENOENT/),
  ]);
});
