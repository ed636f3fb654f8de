import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUICKSTART } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';
import { ask, exchange, open, parseReplies, requestBytes, type WireReply } from './wire.ts';

const LONG = 'x'.repeat(8_000);
const HUGE = 'x'.repeat(200_000);

describe('odd input on the public port', () => {
  const server = sharedServer(QUICKSTART);

  /** What no answer may contain, for any input. */
  function expectHarmless(reply: WireReply) {
    expect(reply.status).toBeGreaterThanOrEqual(200);
    expect(reply.status).toBeLessThan(500);
    expect([201, 202, 204, 301, 302, 303, 307, 308]).not.toContain(reply.status);
    if (reply.status === 200) expect(reply.body).toMatch(/^(v16\.4\.6|no|ok|\{.*\})$/);
    else expect(reply.body).not.toMatch(/^v?\d+\.\d/);
  }

  async function expectAlive() {
    expect(await ask(server().publicUrl, '/v1/version')).toMatchObject({ status: 200, body: 'v16.4.6' });
  }

  it.each<[name: string, bytes: string, status: number | number[]]>([
    ['a URL of 8 kB', requestBytes(`/v1/${LONG}/version`), 404],
    ['a query of 8 kB', requestBytes(`/v1/version?${LONG}=${LONG.slice(0, 10)}`), 200],
    ['a URL of 200 kB', requestBytes(`/v1/${HUGE}/version`), [414, 431]],
    ['headers of 200 kB', requestBytes('/v1/version', { headers: [`X-Huge: ${HUGE}`] }), 431],
    ['a header of 8 kB', requestBytes('/v1/version', { headers: [`Agent-Id: ${LONG}`] }), 200],
    [
      '1,500 headers',
      requestBytes('/v1/version', { headers: Array.from({ length: 1_500 }, (_, i) => `X-${i}: y`) }),
      [200, 431],
    ],
    ['a lone percent sign', requestBytes('/v1/stable%/version'), 404],
    ['half an escape', requestBytes('/v1/stable%2/version'), 404],
    ['an escape that is not hex', requestBytes('/v1/%zz/version'), 404],
    ['an escape that is not UTF-8', requestBytes('/v1/%ff%fe/version'), 404],
    ['an escaped surrogate', requestBytes('/v1/%ed%a0%80/version'), 404],
    ['an overlong slash', requestBytes('/v1/stable%c0%afcloud/version'), 404],
    ['bytes above 127 in the URL', requestBytes('/v1/st\u00e4ble/version'), [400, 404]],
    ['a NUL in the URL', requestBytes('/v1/\0/version'), 400],
    ['a space in the URL', requestBytes('/v1/stable cloud/version'), 400],
    ['broken escapes in the query', requestBytes('/v1/version?host=%ff&agent_version=%'), 200],
    [
      'bytes above 127 in headers',
      requestBytes('/v1/version', { headers: ['Agent-Id: \u00e4\u00ff', 'Agent-Version: v\u00a016'] }),
      200,
    ],
    ['a NUL in a header', requestBytes('/v1/version', { headers: ['Agent-Id: a\0b'] }), 400],
    ['a header name with a space', requestBytes('/v1/version', { headers: ['Agent Id: a'] }), 400],
    ['a folded header', requestBytes('/v1/version', { headers: ['Agent-Id: a', ' b'] }), [200, 400]],
    [
      'the same header twice',
      requestBytes('/v1/version', {
        headers: ['Agent-Id: a', 'Agent-Id: b', 'Agent-Version: 16.4.6', 'Agent-Version: 15.0.0'],
      }),
      200,
    ],
    ['the absolute form', requestBytes('http://other.test/v1/stable/cloud/version'), 200],
    ['the absolute form without a path', requestBytes('http://other.test'), 404],
    ['another scheme in the absolute form', requestBytes('ftp://other.test/v1/version'), [400, 404]],
    ['the asterisk form', requestBytes('*'), [400, 404]],
    ['an unknown method', requestBytes('/v1/version', { method: 'FETCH' }), [400, 405]],
    ['no Host', 'GET /v1/version HTTP/1.1\r\nConnection: close\r\n\r\n', [200, 400]],
    ['HTTP/1.0', 'GET /v1/version HTTP/1.0\r\n\r\n', 200],
    ['HTTP/0.9', 'GET /v1/version\r\n\r\n', [200, 400]],
    ['an HTTP version of the future', 'GET /v1/version HTTP/9.9\r\nHost: x\r\n\r\n', [400, 505]],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['nothing like HTTP', 'hello\r\n\r\n', 400],
    ['line feeds alone', 'GET /v1/version HTTP/1.1\nHost: x\nConnection: close\n\n', [200, 400]],
    [
      'a wish to upgrade',
      requestBytes('/v1/version', { headers: ['Upgrade: websocket', 'Sec-WebSocket-Key: x'] }),
      200,
    ],
    ['an unknown expectation', requestBytes('/v1/version', { headers: ['Expect: wonders'] }), 417],
    [
      'both lengths',
      requestBytes('/v1/version', { headers: ['Content-Length: 3', 'Transfer-Encoding: chunked'] }),
      400,
    ],
    ['two lengths', requestBytes('/v1/version', { headers: ['Content-Length: 0', 'Content-Length: 5'] }), 400],
    ['a GET with a body', `${requestBytes('/v1/version', { headers: ['Content-Length: 5'] })}hello`, 200],
    [
      'a GET with a chunked body',
      `${requestBytes('/v1/version', { headers: ['Transfer-Encoding: chunked'] })}5\r\nhello\r\n0\r\n\r\n`,
      200,
    ],
    [
      'a POST with a large body',
      `${requestBytes('/v1/version', { method: 'POST', headers: [`Content-Length: ${HUGE.length}`] })}${HUGE}`,
      405,
    ],
  ])('answers %s', async (_, bytes, status) => {
    const [reply] = parseReplies(await exchange(server().publicUrl, bytes, { end: bytes.endsWith('\xfc\x03\x03') }));
    expect(reply && [status].flat()).toContain(reply?.status);
    // RFC 9110 has this one status for a version of HTTP that the server does not support.
    if (reply && reply.status !== 505) expectHarmless(reply);
    await expectAlive();
  });

  it('answers pipelined requests in their order', async () => {
    const paths = ['/v1/version', '/v1/critical', '/v1/unknown/version', '/v1/stable/cloud//version', '/healthz'];
    const kept = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');
    const replies = parseReplies(await exchange(server().publicUrl, kept + requestBytes('/v1/version')));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 404, 200, 200, 200]);
    expect(replies.filter(({ status }) => status === 200).map(({ body }) => body)).toEqual(
      'v16.4.6 no v16.4.6 ok v16.4.6'.split(' '),
    );
  });

  it('skips a body and answers the next request of the connection', async () => {
    const first = 'GET /v1/critical HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
    const refused = 'POST /v1/critical HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
    const bytes = await exchange(server().publicUrl, first + refused + requestBytes('/v1/version'));
    expect(parseReplies(bytes).map(({ status, body }) => [status, body])).toMatchObject([
      [200, 'no'],
      [405, expect.anything()],
      [200, 'v16.4.6'],
    ]);
  });

  it('answers others while half a request is waiting', async () => {
    const halves = Array.from({ length: 50 }, () => {
      const socket = open(server().publicUrl);
      socket.on('error', () => {});
      socket.write('GET /v1/stable/cloud/ver');
      return socket;
    });
    await expectAlive();
    for (const socket of halves) socket.destroy();
    await expectAlive();
  });

  it.each(['GET /v1/stable/cloud/ver', 'GET /v1/version HTTP/1.1\r\nHost: x\r\n', '\r\n\r\n', ''])(
    'ends the connection of a client that gives up after %j',
    async (bytes) => {
      const replies = parseReplies(await exchange(server().publicUrl, bytes, { end: true }));
      for (const reply of replies) expectHarmless(reply);
      await expectAlive();
    },
  );

  it('closes a connection that asks for a tunnel', async () => {
    const bytes = 'CONNECT fairway.test:443 HTTP/1.1\r\nHost: fairway.test:443\r\n\r\n';
    for (const reply of parseReplies(await exchange(server().publicUrl, bytes))) expectHarmless(reply);
    await expectAlive();
  });

  const segment = fc.oneof(
    fc.constantFrom('v1', 'webapi', 'automaticupgrades', 'channel', 'stable', 'cloud', 'version', 'critical', 'find'),
    fc.constantFrom('', '.', '..', '%2F', '%252F', '%', '%00', '%ff', ';', '~', '\\', '__proto__', 'healthz', 'ping'),
    fc.string({ unit: 'binary', maxLength: 6 }).map(encodeURIComponent),
    fc.stringMatching(/^[!-~\x80-\xff]{0,12}$/),
  );
  const target = fc
    .tuple(fc.array(segment, { maxLength: 8 }), fc.option(fc.stringMatching(/^[!-~\x80-\xff]{0,40}$/), { nil: null }))
    .map(([segments, query]) => `/${segments.join('/')}${query === null ? '' : `?${query}`}`);
  const header = fc
    .tuple(
      fc.constantFrom('Agent-Id', 'Agent-Version', 'Updater-Kind', 'Agent-Group', 'If-None-Match', 'Range', 'Accept'),
      fc.stringMatching(/^[\t -~\x80-\xff]{0,40}$/),
    )
    .map(([name, value]) => `${name}: ${value}`);

  it('answers any path, query and headers', async () => {
    await fc.assert(
      fc.asyncProperty(target, fc.array(header, { maxLength: 5 }), async (path, headers) => {
        expectHarmless(await ask(server().publicUrl, path, { headers }));
      }),
      { numRuns: 500 },
    );
    await expectAlive();
  });

  it('answers any bytes, or ends the connection', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1')),
      fc.tuple(target, fc.string({ maxLength: 30 })).map(([path, noise]) => `GET ${path} HTTP/1.1\r\n${noise}\r\n\r\n`),
      fc.tuple(target, fc.nat(200)).map(([path, cut]) => requestBytes(path).slice(0, cut)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const received = await exchange(server().publicUrl, sent, { end: true });
        for (const reply of parseReplies(received, [])) if (reply.status !== 505) expectHarmless(reply);
      }),
      { numRuns: 300 },
    );
    await expectAlive();
  });
});
