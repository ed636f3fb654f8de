import { describe, expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { expectProblem, sharedServer, stateOf } from './shared-server.ts';
import { exchange, parseReplies } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const REASON = { reason: 'test' };

/** 65 KiB of otherwise valid JSON. */
const LARGE = `{"reason":"test","dryRun":true${' '.repeat(65 * 1024)}}`;

/** A request line and headers of an admin. */
const head = (method: string, target: string, ...headers: string[]) =>
  [
    `${method} ${target} HTTP/1.1`,
    'Host: fairway.test',
    'Connection: close',
    `Authorization: Bearer ${TOKENS.admin}`,
    ...headers,
    '',
    '',
  ].join('\r\n');

describe('a wrong request changes nothing, and its answer says why:', () => {
  const server = sharedServer(QUICKSTART);

  type Case = [what: string, method: string, path: string, body: unknown, status: number, code: string, detail: RegExp];

  const verb = (name: string, what: string, body: unknown, detail: RegExp): Case => [
    `${name} with ${what}`,
    'POST',
    `${CHANNEL}/${name}`,
    body,
    422,
    'invalid',
    detail,
  ];
  const badVersion = (version: unknown, detail: RegExp): Case[] => [
    verb('roll-forward', `version ${String(version).slice(0, 60)}`, { version, ...REASON }, detail),
    verb('check', `version ${String(version).slice(0, 60)}`, { version }, detail),
  ];
  /** Control planes may report build metadata, white space and missing parts; nothing else is read more kindly. */
  const badReport = (version: unknown, detail: RegExp): Case => [
    `a control plane at ${String(version).slice(0, 60)}`,
    'PUT',
    '/control-planes/x',
    { version },
    422,
    'invalid',
    detail,
  ];
  const badForAll = (version: unknown, detail: RegExp): Case[] => [
    ...badVersion(version, detail),
    badReport(version, detail),
  ];
  const badName = (name: string, detail: RegExp): Case => [
    `a channel named ${name.slice(0, 60)}`,
    'PUT',
    `/channels/${encodeURIComponent(name)}`,
    {},
    422,
    'invalid',
    detail,
  ];

  const CASES: Case[] = [
    // unknown fields
    verb('roll-forward', 'an unknown field', { version: '16.4.7', ...REASON, force: true }, /^no such field: force$/),
    verb('roll-back', 'an unknown field', { ...REASON, versoin: '16.4.3' }, /versoin/),
    verb('pin', 'an unknown field', { ...REASON, critical: true }, /critical/),
    verb('unpin', 'an unknown field', { ...REASON, until: '2099-01-01T00:00:00Z' }, /until/),
    verb('critical', 'an unknown field', { critical: true, ...REASON, version: '16.4.7' }, /version/),
    verb('withdraw', 'an unknown field', { ...REASON, acceptStranding: 1 }, /acceptStranding/),
    verb('check', 'an unknown field', { version: '16.4.7', reason: 'x' }, /reason/),
    ['PUT with an unknown field', 'PUT', CHANNEL, { plan: 'x' }, 422, 'invalid', /plan/],
    ['PUT with what is not for settings', 'PUT', CHANNEL, { pin: null }, 422, 'invalid', /pin/],
    [
      'a control plane with an unknown field',
      'PUT',
      '/control-planes/x',
      { version: '1.0.0', a: 1 },
      422,
      'invalid',
      /a/,
    ],
    // missing fields
    verb('roll-forward', 'no version', REASON, /^version: is missing$/),
    verb('roll-forward', 'no version and no reason', {}, /^version: is missing; reason: is missing$/),
    verb('roll-forward', 'no reason', { version: '16.4.7' }, /^reason: is missing$/),
    verb('roll-back', 'no reason', {}, /reason/),
    verb('pin', 'no reason', {}, /reason/),
    verb('unpin', 'no reason', {}, /reason/),
    verb('critical', 'no word', REASON, /critical/),
    verb('withdraw', 'a blank reason', { reason: '  ' }, /^reason: must not be empty$/),
    verb('withdraw', 'an endless reason', { reason: 'x'.repeat(501) }, /^reason: must be 500 or less characters$/),
    verb('check', 'nothing', {}, /version/),
    // wrong types
    verb('roll-forward', 'a list', [], /^expected an object$/),
    verb('roll-forward', 'null', null, /^expected an object$/),
    verb('roll-forward', 'a string', '"16.4.7"', /object/),
    verb('critical', 'a word for true', { critical: 'yes', ...REASON }, /^critical: expected true or false$/),
    verb('roll-forward', 'a word for dryRun', { version: '16.4.7', ...REASON, dryRun: 'true' }, /dryRun/),
    verb(
      'roll-forward',
      'half an agent',
      { version: '16.4.7', ...REASON, acceptStranding: 1.5 },
      /: expected a whole number$/,
    ),
    verb(
      'roll-forward',
      'less than no agent',
      { version: '16.4.7', ...REASON, acceptStranding: -1 },
      /acceptStranding/,
    ),
    verb(
      'pin',
      'a date that is none',
      { ...REASON, until: 'tomorrow' },
      /^until: expected a time with its zone, such as/,
    ),
    verb('pin', 'a date without zone', { ...REASON, until: '2099-01-01T00:00:00' }, /until/),
    verb('critical', 'a day that is none', { critical: true, ...REASON, until: '2099-02-30T00:00:00Z' }, /until/),
    [
      'PUT with an unknown kind',
      'PUT',
      CHANNEL,
      { accepts: ['nightly'] },
      422,
      'invalid',
      /accepts.0: expected one of "stable", "rc"/,
    ],
    ['PUT that accepts nothing', 'PUT', CHANNEL, { accepts: [] }, 422, 'invalid', /accepts/],
    ['PUT with another prefix', 'PUT', CHANNEL, { versionPrefix: 'V' }, 422, 'invalid', /versionPrefix/],
    [
      'PUT with an endless description',
      'PUT',
      CHANNEL,
      { description: 'x'.repeat(501) },
      422,
      'invalid',
      /description/,
    ],
    ['PUT that would move the target', 'PUT', CHANNEL, { target: '16.4.7' }, 422, 'invalid', /roll-forward/],
    // versions
    ...badVersion('16.4.7+ent', /build metadata/),
    ...badVersion('16.4', /X\.Y\.Z/),
    ...badForAll('16.4.7.1', /X\.Y\.Z/),
    ...badForAll('latest', /X\.Y\.Z/),
    ...badForAll('', /X\.Y\.Z/),
    ...badForAll('vv16.4.7', /X\.Y\.Z/),
    ...badVersion(' 16.4.7', /X\.Y\.Z/),
    ...badForAll('16.04.7', /X\.Y\.Z/),
    ...badForAll('16.0.0-cloud.20260822123456.0123456', /must not begin with 0.*more digits of the commit/),
    ...badForAll('17.0.0-cloud.20241331T000000.abcdef0', /UTC time/),
    ...badForAll('17.0.0-cloud.20240230T101530.abcdef0', /UTC time/),
    ...badForAll('17.0.0-cloud.20241112T101530.xyz', /commit hash/),
    ...badForAll('17.1.0-cloud.20241112T101530.abcdef0', /minor and patch 0/),
    ...badForAll(`1.0.0-${'x'.repeat(100)}`, /100 characters/),
    ...badForAll(16.4, /string/),
    ...badForAll(null, /string/),
    // names
    badName('Stable', /a-z/),
    badName('-x', /begin/),
    badName('a//b', /segments/),
    badName('/a', /segments/),
    badName('a/', /segments/),
    badName('a b', /a-z/),
    badName('a\nb', /a-z/),
    badName('ä', /a-z/),
    badName('../etc', /begin/),
    badName('webapi', /webapi/),
    badName('webapi/x', /webapi/),
    badName('version', /version/),
    badName('a/critical', /critical/),
    badName('a/tools/b', /tools/),
    badName('a/b/c/d/e/f/g/h/i', /8 segments/),
    badName('x'.repeat(129), /128 characters/),
    ['a channel with a broken escape', 'PUT', '/channels/%zz', {}, 422, 'invalid', /a-z/],
    ['a channel with an escaped escape', 'PUT', '/channels/a%252Fb', {}, 422, 'invalid', /a-z/],
    ['a control plane named Main', 'PUT', '/control-planes/Main', { version: '1.0.0' }, 422, 'invalid', /name/],
    ['a control plane with a slash', 'PUT', '/control-planes/a%2Fb', { version: '1.0.0' }, 422, 'invalid', /name/],
    // queries
    ['a page of nothing', 'GET', '/audit?limit=0', undefined, 422, 'invalid', /^limit: must be 1 or more$/],
    ['a page of everything', 'GET', '/agents?limit=501', undefined, 422, 'invalid', /^limit: must be 500 or less$/],
    ['a page of many', 'GET', '/audit?limit=many', undefined, 422, 'invalid', /^limit: expected a number$/],
    ['a page before nothing', 'GET', '/audit?before=0', undefined, 422, 'invalid', /before/],
    [
      'agents since no time',
      'GET',
      '/agents?seenSince=new',
      undefined,
      422,
      'invalid',
      /^seenSince: expected a time with/,
    ],
    [
      'a release of no day',
      'POST',
      '/releases/import',
      [{ version: '1.0.0', date: '2024-13-01', security: false }],
      422,
      'invalid',
      /^0\.date: expected a date such as/,
    ],
    ['agents of a version that is none', 'GET', '/agents?version=new', undefined, 422, 'invalid', /version/],
    ['agents of a line that is none', 'GET', '/agents?version=16.4.y', undefined, 422, 'invalid', /16\.4\.6, 16\.x/],
    ['agents of an unknown channel', 'GET', '/agents?channel=x', undefined, 404, 'not_found', /no channel x/],
    ['agents older than nothing', 'GET', '/agents?olderThan=x', undefined, 422, 'invalid', /olderThan/],
    ['an id that is too long', 'GET', `/agents/${'x'.repeat(129)}`, undefined, 422, 'invalid', /id/],
    ['an inventory of no channel', 'POST', '/inventory', [], 422, 'invalid', /channel/],
    // unknown paths and documents
    ['an unknown channel', 'GET', '/channels/unknown', undefined, 404, 'not_found', /unknown.*fairway channels/],
    ['a verb on an unknown channel', 'POST', '/channels/unknown/withdraw', REASON, 404, 'not_found', /unknown/],
    ['deleting an unknown channel', 'DELETE', '/channels/unknown', undefined, 404, 'not_found', /unknown/],
    ['an unknown verb', 'POST', `${CHANNEL}/explode`, REASON, 404, 'not_found', /openapi\.json/],
    ['an unknown route', 'GET', '/nothing', undefined, 404, 'not_found', /openapi\.json/],
    ['a method that a route has not', 'PATCH', CHANNEL, {}, 404, 'not_found', /PATCH/],
    ['slashes that are not encoded', 'GET', '/channels/stable/cloud', undefined, 404, 'not_found', /\w/],
    [
      'an unknown control plane',
      'GET',
      '/control-planes/x',
      undefined,
      404,
      'not_found',
      /fairway control-planes report x/,
    ],
    [
      'checking an unknown control plane',
      'POST',
      '/control-planes/x/check',
      { version: '1.0.0' },
      404,
      'not_found',
      /x/,
    ],
    ['an unknown agent', 'GET', '/agents/x', undefined, 404, 'not_found', /checked in/],
    ['why nobody is told anything', 'GET', '/agents/x/explain', undefined, 404, 'not_found', /checked in/],
    ['forgetting nobody', 'DELETE', '/agents/x?reason=gone', undefined, 404, 'not_found', /checked in/],
    ['the census of an unknown channel', 'GET', '/census?channel=x', undefined, 404, 'not_found', /x/],
    // invalid JSON
    ...['{', '', '{"reason": "x",}', "{'reason': 'x'}", 'reason=x', '\u0000', '{"reason":"a"} {}'].map(
      (body): Case => [
        `the JSON ${JSON.stringify(body)}`,
        'POST',
        `${CHANNEL}/withdraw`,
        body,
        400,
        'malformed',
        /JSON/,
      ],
    ),
    // size
    ['65 KiB', 'POST', `${CHANNEL}/withdraw`, LARGE, 413, 'too_large', /64 KiB/],
  ];

  it.each(CASES)('%s', async (_, method, path, body, status, code, detail) => {
    const before = await stateOf(server());
    const reply = await operatorClient(server())(method, path, body === null ? 'null' : body);
    const problem = expectProblem(reply, status, code, detail);
    if (code === 'invalid' && problem.errors !== undefined) {
      for (const error of problem.errors)
        expect(error).toEqual({ path: expect.any(String), message: expect.any(String) });
    }
    expect(await stateOf(server())).toEqual(before);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/yaml',
    'application/jsonx',
    'text/json',
    'nonsense',
  ])('a body of the type %s', async (type) => {
    const before = await stateOf(server());
    const api = operatorClient(server());
    const headers = { 'Content-Type': type };
    for (const [method, path, body] of [
      ['POST', `${CHANNEL}/withdraw`, REASON],
      ['POST', `${CHANNEL}/check`, { version: '16.4.7' }],
      ['PUT', '/channels/new', {}],
      ['PUT', '/control-planes/new', { version: '16.4.7' }],
      ['POST', '/releases/import', []],
      ['POST', '/inventory?channel=stable%2Fcloud', []],
    ] as const) {
      expectProblem(await api(method, path, body, headers), 415, 'unsupported_media_type', /application\/json/);
    }
    expect(await stateOf(server())).toEqual(before);
  });

  it('a body without a type', async () => {
    const before = await stateOf(server());
    for (const start of [`POST /api/v1${CHANNEL}/withdraw`, 'PUT /api/v1/channels/new']) {
      const [method = '', target = ''] = start.split(' ');
      const bytes = `${head(method, target, 'Content-Length: 17')}{"reason":"test"}`;
      const [reply] = parseReplies(await exchange(server().operatorUrl, bytes));
      expect(reply).toMatchObject({ status: 415, headers: { 'content-type': 'application/problem+json' } });
    }
    expect(await stateOf(server())).toEqual(before);
  });

  it('no body although one is needed', async () => {
    const before = await stateOf(server());
    for (const [headers, status] of [
      [[], 422],
      [['Content-Length: 0'], 422],
      [['Content-Type: application/json'], 400],
      [['Content-Type: application/json', 'Content-Length: 0'], 400],
    ] as const) {
      const bytes = head('POST', `/api/v1${CHANNEL}/withdraw`, ...headers);
      const [reply] = parseReplies(await exchange(server().operatorUrl, bytes));
      expect(reply).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } });
    }
    expect(await stateOf(server())).toEqual(before);
  });

  it('64 KiB are accepted, in one piece and in chunks', async () => {
    const body = `{"reason":"test","dryRun":true${' '.repeat(64 * 1024 - 31)}}`;
    expect(body).toHaveLength(64 * 1024);
    expect(await operatorClient(server())('POST', `${CHANNEL}/withdraw`, body)).toMatchObject({ status: 200 });
    expect(await chunked(`/api/v1${CHANNEL}/withdraw`, body)).toMatchObject({ status: 200 });
  });

  it('65 KiB in chunks, without a length', async () => {
    const before = await stateOf(server());
    const reply = await chunked(`/api/v1${CHANNEL}/withdraw`, LARGE);
    expect(reply).toMatchObject({ status: 413, headers: { 'content-type': 'application/problem+json' } });
    expect(JSON.parse(reply?.body ?? '')).toMatchObject({ code: 'too_large' });
    expect(await stateOf(server())).toEqual(before);
  });

  async function chunked(target: string, body: string) {
    const chunks = body.match(/.{1,1000}/gs) ?? [];
    const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    const start = head('POST', target, 'Content-Type: application/json', 'Transfer-Encoding: chunked');
    const [reply] = parseReplies(await exchange(server().operatorUrl, `${start}${framed}0\r\n\r\n`));
    return reply;
  }

  it('bytes beyond the announced length are ignored', async () => {
    const before = await stateOf(server());
    const start = head('POST', `/api/v1${CHANNEL}/withdraw`, 'Content-Type: application/json', 'Content-Length: 100');
    const replies = parseReplies(await exchange(server().operatorUrl, `${start}{"reason":"test"}`, { end: true }));
    for (const { status } of replies) expect(status).toBeLessThan(500);
    expect(await stateOf(server())).toEqual(before);
  });

  it('a URL that is too long', async () => {
    const before = await stateOf(server());
    for (const length of [2_000, 12_000, 100_000]) {
      for (const target of [`/api/v1/channels/${'x'.repeat(length)}`, `/api/v1/audit?limit=${'1'.repeat(length)}`]) {
        const [reply] = parseReplies(await exchange(server().operatorUrl, head('GET', target)));
        expect([404, 414, 422, 431]).toContain(reply?.status);
      }
    }
    expect(await stateOf(server())).toEqual(before);
  });

  it('requests that are not HTTP', async () => {
    for (const bytes of ['hello\r\n\r\n', head('GET', '/api/v1/ch annels'), head('GET', '*')]) {
      const [reply] = parseReplies(await exchange(server().operatorUrl, bytes));
      expect(reply?.status).toBeGreaterThanOrEqual(400);
      expect(reply?.status).toBeLessThan(500);
    }
  });

  it('names every faulty field, each with its path', async () => {
    const body = { version: 'x', dryRun: 1, extra: true };
    const reply = await operatorClient(server())('POST', `${CHANNEL}/roll-forward`, body);
    const { errors } = expectProblem(reply, 422, 'invalid');
    expect(errors.map(({ path }: { path: string }) => path)).toEqual(
      expect.arrayContaining(['version', 'reason', 'dryRun']),
    );
    expect(JSON.stringify(errors)).toContain('extra');
  });
});

describe('a failure of the server', () => {
  it('is a bland 500 that does not reveal its cause', async () => {
    let broken = false;
    const logged: string[] = [];
    const now = () => {
      if (broken) throw new Error('the secret cause');
      return new Date();
    };
    const { pino } = await import('pino');
    const log = pino({ level: 'error' }, { write: (line) => void logged.push(line) });
    const server = await startServer(QUICKSTART, { now, log });
    const before = await stateOf(server);
    broken = true;
    const reply = await operatorClient(server)('POST', `${CHANNEL}/withdraw`, REASON);
    broken = false;
    expectProblem(reply, 500, 'internal', /its log/);
    expect(JSON.stringify(reply.body)).not.toMatch(/secret|\.ts|at \w+ \(/);
    expect(logged.join()).toContain('the secret cause');
    expect(logged.join()).not.toContain(TOKENS.admin);
    expect(await stateOf(server)).toEqual(before);
  });

  it('is a 503 while the store cannot be reached, for reads of agents and for every change', async () => {
    const server = await startServer({ redisUrl: 'redis://127.0.0.1:1' });
    const api = operatorClient(server);
    const requests: [method: string, path: string, body?: unknown][] = [
      ['GET', '/channels'],
      ['GET', CHANNEL],
      ['PUT', CHANNEL, {}],
      ['DELETE', CHANNEL],
      ['POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'test' }],
      ['POST', `${CHANNEL}/check`, { version: '16.4.7' }],
      ['GET', `${CHANNEL}/history`],
      ['GET', '/census'],
      ['GET', '/agents'],
      ['GET', '/agents/x'],
      ['GET', '/agents/x/explain'],
      ['DELETE', '/agents/x?reason=gone'],
      ['POST', '/inventory?channel=stable%2Fcloud', [{}]],
      ['GET', '/control-planes'],
      ['PUT', '/control-planes/main', { version: '16.4.7' }],
      ['POST', '/control-planes/main/check', { version: '16.4.7' }],
      ['GET', '/audit'],
      ['GET', '/audit/verify'],
      ['GET', '/export'],
      ['POST', '/apply', { fairway: 1 }],
      ['GET', '/releases'],
      ['POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]],
      ['GET', '/events'],
    ];
    for (const [method, path, body] of requests) {
      const reply = await api(method, path, body);
      expect([path, reply.status]).toEqual([path, 503]);
      expectProblem(reply, 503, 'store_unavailable');
    }
    expect((await fetch(`${server.operatorUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(503);
    expect((await fetch(`${server.operatorUrl}/metrics`)).status).toBe(200);
    expect((await fetch(`${server.operatorUrl}/openapi.json`)).status).toBe(200);
  });
});
