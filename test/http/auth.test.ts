import { describe, expect, it } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { ROLES, type Role } from '../../src/domain/role.ts';
import { operatorClient, QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { expectProblem, sharedServer, stateOf } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

/** Every route with the lowest role that may use it, and a request that changes nothing even if it is allowed. */
const ROUTES: [method: string, path: string, role: Role, body?: unknown][] = [
  ['GET', '/channels', 'viewer'],
  ['GET', CHANNEL, 'viewer'],
  ['GET', `${CHANNEL}/history`, 'viewer'],
  ['POST', `${CHANNEL}/check`, 'viewer', { version: '16.4.7' }],
  ['PUT', `${CHANNEL}?dryRun=true`, 'operator', {}],
  ['DELETE', `${CHANNEL}?dryRun=true`, 'admin'],
  ...['roll-forward', 'roll-back', 'pin', 'unpin', 'critical', 'withdraw', 'cancel-plan', 'release'].map(
    (verb): [string, string, Role, unknown] => ['POST', `${CHANNEL}/${verb}`, 'operator', { nonsense: true }],
  ),
  ['GET', `${CHANNEL}/rollout`, 'viewer'],
  ...['start', 'done', 'roll-back', 'pause', 'resume', 'reset'].map((verb): [string, string, Role, unknown] => [
    'POST',
    `${CHANNEL}/rollout/${verb}`,
    'operator',
    { nonsense: true },
  ]),
  ['GET', '/scheduled', 'viewer'],
  ['DELETE', '/scheduled/0a1b2c3d4e5f?reason=over', 'operator'],
  ['GET', '/freezes', 'viewer'],
  ['POST', '/freezes?dryRun=true', 'operator', { nonsense: true }],
  ['DELETE', '/freezes/xmas?reason=over', 'admin'],
  ['GET', '/status', 'viewer'],
  ['GET', '/census', 'viewer'],
  ['GET', '/agents', 'viewer'],
  ['GET', '/agents/x', 'viewer'],
  ['GET', '/agents/x/explain', 'viewer'],
  ['DELETE', '/agents/x?reason=gone', 'operator'],
  ['POST', '/inventory?channel=stable%2Fcloud', 'operator', []],
  ['GET', '/control-planes', 'viewer'],
  ['GET', '/control-planes/main', 'viewer'],
  ['POST', '/control-planes/main/check', 'viewer', { version: '16.4.7' }],
  ['PUT', '/control-planes/main?dryRun=true', 'operator', { version: '16.4.7' }],
  ['GET', '/audit', 'viewer'],
  ['GET', '/audit/verify', 'viewer'],
  ['GET', '/export', 'viewer'],
  ['POST', '/apply?dryRun=true', 'admin', { fairway: 1 }],
  ['GET', '/changes/4711', 'viewer'],
  ['GET', '/promotions', 'viewer'],
  ['GET', '/releases', 'viewer'],
  ['GET', '/releases/mint?commit=f00dfacade', 'viewer'],
  ['POST', '/releases/cut-branch', 'release-manager', { nonsense: true }],
  ['POST', '/releases/import', 'release-manager', []],
  ['POST', '/releases?dryRun=true', 'release-manager', { nonsense: true }],
  ...['artifacts', 'pull', 'lift-embargo', 'approve', 'promote', 'expedite', 'halt', 'resume', 'supersede'].map(
    (verb): [string, string, Role, unknown] => ['POST', `/releases/1.2.3/${verb}`, 'release-manager', { nonsense: 1 }],
  ),
  ['POST', '/releases/1.2.3/changes/1/sign-off', 'operator', { nonsense: true }],
  ['POST', '/recovery', 'admin', { nonsense: true }],
];

describe('the operator API', () => {
  const server = sharedServer(QUICKSTART);

  it.each(
    ROUTES.flatMap(([method, path, needed, body]) => ROLES.map((role) => ({ method, path, needed, role, body }))),
  )('$method $path needs $needed; asked by $role', async ({ method, path, needed, role, body }) => {
    const reply = await operatorClient(server(), role)(method, path, body);
    if (ROLES.indexOf(role) >= ROLES.indexOf(needed)) {
      expect([401, 403, 500]).not.toContain(reply.status);
    } else {
      expectProblem(reply, 403, 'forbidden', new RegExp(`role ${needed}.*token:${role} has the role ${role}`));
    }
  });

  it('checks the role before it looks at the body', async () => {
    for (const body of ['{', ' '.repeat(70_000)]) {
      const reply = await operatorClient(server(), 'viewer')('POST', `${CHANNEL}/withdraw`, body);
      expectProblem(reply, 403, 'forbidden');
    }
  });

  it('serves health, readiness, metrics and its description without a token', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      expect((await fetch(`${server().operatorUrl}${path}`)).status).toBe(200);
    }
  });

  it('does not serve agents', async () => {
    for (const path of ['/v1/version', '/webapi/find']) {
      expect((await fetch(`${server().operatorUrl}${path}`)).status).toBe(404);
    }
  });

  it('writes the actor into the audit log', async () => {
    const { body } = await operatorClient(server(), 'operator')('PUT', '/channels/by-operator', {});
    expect(body.updatedBy).toBe('token:operator');
    const { body: audit } = await operatorClient(server(), 'viewer')('GET', '/audit?limit=1');
    expect(audit.entries[0]).toMatchObject({ actor: 'token:operator', subject: 'channel/by-operator' });
    expect(JSON.stringify(audit)).not.toContain(TOKENS.operator);
  });
});

describe('a request without a valid token', () => {
  const EXPIRED = 'a-token-whose-time-is-over';
  const LASTING = 'a-token-whose-time-is-to-come';
  const tokens = [
    ...ROLES.map((role) => ({ name: role, role, sha256: hashToken(TOKENS[role]) })),
    { name: 'old', role: 'admin', sha256: hashToken(EXPIRED), expires: '2024-01-01T00:00:00Z' },
    { name: 'new', role: 'viewer', sha256: hashToken(LASTING), expires: '2099-01-01T00:00:00+02:00' },
  ];

  it.each<[what: string, authorization: string | null, detail: RegExp]>([
    ['no header', null, /Authorization: Bearer/],
    ['an empty header', '', /Authorization: Bearer/],
    ['a scheme alone', 'Bearer', /Authorization: Bearer/],
    ['another scheme', `Basic ${btoa(`admin:${TOKENS.admin}`)}`, /Authorization: Bearer/],
    ['the token alone', TOKENS.admin, /Authorization: Bearer/],
    ['two tokens', `Bearer ${TOKENS.admin} ${TOKENS.admin}`, /Authorization: Bearer/],
    ['a wrong token', 'Bearer wrong', /not known/],
    ['a part of the token', `Bearer ${TOKENS.admin.slice(0, -1)}`, /not known/],
    ['the hash of the token', `Bearer ${hashToken(TOKENS.admin)}`, /not known/],
    ['an endless token', `Bearer ${'x'.repeat(8_000)}`, /not known/],
    ['an expired token', `Bearer ${EXPIRED}`, /old expired at 2024-01-01/],
  ])('is refused: %s', async (_, authorization, detail) => {
    const server = await startServer({ ...QUICKSTART, tokens });
    const before = await stateOf(server);
    const headers: Record<string, string> = authorization === null ? {} : { Authorization: authorization };
    for (const [method, path, body] of [
      ['GET', '/channels'],
      ['POST', `${CHANNEL}/withdraw`, { reason: 'test' }],
      ['GET', '/nothing/here'],
      ['POST', '/inventory?channel=stable%2Fcloud', []],
    ] as const) {
      const reply = await operatorClient(server, null)(method, path, body, headers);
      expectProblem(reply, 401, 'unauthenticated', detail);
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
      for (const token of [TOKENS.admin, EXPIRED, 'xxxxx']) expect(JSON.stringify(reply.body)).not.toContain(token);
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it.each(['bearer', 'BEARER', 'Bearer '])(
    'is one that a right token is not, whatever the case of %j',
    async (scheme) => {
      const server = await startServer({ ...QUICKSTART, tokens });
      for (const token of [TOKENS.viewer, LASTING]) {
        const reply = await operatorClient(server, null)('GET', '/channels', undefined, {
          Authorization: `${scheme} ${token}`,
        });
        expect(reply.status).toBe(200);
      }
    },
  );

  it('expires a token on time, also while the server runs', async () => {
    let clock = Date.parse('2026-01-01T00:00:00Z');
    const passing = { name: 'passing', role: 'viewer', sha256: hashToken(LASTING), expires: '2026-01-01T01:00:00Z' };
    const server = await startServer({ ...QUICKSTART, tokens: [passing] }, { now: () => new Date(clock) });
    const ask = () =>
      operatorClient(server, null)('GET', '/channels', undefined, { Authorization: `Bearer ${LASTING}` });
    expect((await ask()).status).toBe(200);
    clock += 3_600_000;
    expectProblem(await ask(), 401, 'unauthenticated', /expired/);
  });

  it('is refused unread after many failures, while a valid token still works', async () => {
    const server = await startServer(QUICKSTART);
    const guess = () => operatorClient(server, null)('GET', '/channels', undefined, { Authorization: 'Bearer guess' });
    const statuses = new Set<number>();
    for (let i = 0; i < 100; i++) statuses.add((await guess()).status);
    expect([...statuses]).toEqual([401, 429]);
    const limited = await guess();
    expectProblem(limited, 429, 'rate_limited', /too many wrong tokens from 127\.0\.0\.1/);
    expect(limited.headers.get('retry-after')).toMatch(/^[1-9]\d?$/);
    expect((await operatorClient(server, 'viewer')('GET', '/channels')).status).toBe(200);
    expect((await operatorClient(server)('POST', `${CHANNEL}/unpin`, { reason: 'test' })).status).toBe(200);
    expectProblem(
      await operatorClient(server, 'viewer')('POST', `${CHANNEL}/unpin`, { reason: 'x' }),
      403,
      'forbidden',
    );
  });
});
