import { describe, expect, it } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { operatorClient, QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const MOVE = { version: '16.4.7', reason: 'test' };

async function targetOf(server: Awaited<ReturnType<typeof startServer>>): Promise<string> {
  return (await operatorClient(server)('GET', '/channels/stable%2Fcloud')).body.target;
}

describe('signing in', () => {
  it.each([
    '/',
    CHANNEL,
    `${CHANNEL}/roll-forward`,
    '/freezes',
    '/freezes/add',
    '/scheduled',
    '/control-planes',
    '/promotions',
    '/releases',
    '/releases/16.4.7',
    '/releases/16.4.7/pull',
    '/changes/4711',
    '/audit',
    '/audit/chain',
    '/agents/a',
  ])('is required on %s, and leads back there', async (path) => {
    const person = createPerson(await startServer(QUICKSTART));
    const reply = await person.get(path);
    expect(reply.status).toBe(303);
    const next = path === '/' ? '' : `?next=${encodeURIComponent(path)}`;
    expect(reply.headers.get('location')).toBe(`/sign-in${next}`);
    expect(reply.text).toBe('');
  });

  it('keeps a secret that no script can read in a cookie that no other site can use', async () => {
    const server = await startServer(QUICKSTART);
    const person = createPerson(server);
    const reply = await person.signIn();
    expect(reply.status).toBe(303);
    expect(reply.headers.get('location')).toBe('/');
    const [cookie = ''] = reply.headers.getSetCookie().filter((line) => line.startsWith('fairway_session='));
    expect(cookie).toMatch(/^fairway_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKENS.operator);
    expect((await person.get('/')).text).toContain('stable/cloud');
  });

  it('asks for a secure channel for the cookie behind a proxy that ends TLS', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    const reply = await person.signIn(TOKENS.operator, { 'X-Forwarded-Proto': 'https' });
    const [cookie = ''] = reply.headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-fairway_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    const https = { 'X-Forwarded-Proto': 'https' };
    expect((await person.get('/', https)).text).toContain('stable/cloud');
    // Another host of the domain could have set a cookie without the prefix.
    const secret = person.cookies.get('__Host-fairway_session') ?? '';
    person.cookies.clear();
    person.cookies.set('fairway_session', secret);
    expect((await person.get('/', https)).headers.get('location')).toMatch(/^\/sign-in/);
  });

  it('answers 400 for a form that cannot be read', async () => {
    const { operatorUrl } = await startServer(QUICKSTART);
    for (const type of ['multipart/form-data; boundary=x', 'multipart/form-data']) {
      const headers = { 'Content-Type': type, Accept: 'text/html' };
      const reply = await fetch(`${operatorUrl}/sign-in`, { method: 'POST', headers, body: 'no part' });
      expect(reply.status).toBe(400);
      expect(await reply.text()).toContain('the form cannot be read; reload the page and try again');
    }
  });

  it.each(['https://elsewhere.example/', '//elsewhere.example', '/\\elsewhere.example', 'javascript:alert(1)'])(
    'does not lead to %s',
    async (next) => {
      const person = createPerson(await startServer(QUICKSTART));
      const csrf = person.csrfOf(await person.get(`/sign-in?next=${encodeURIComponent(next)}`));
      const reply = await person.post('/sign-in', { token: TOKENS.viewer, csrf, next });
      expect(reply.headers.get('location')).toBe('/');
    },
  );

  it('says what is wrong with a token, and refuses an address that tries too many', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    const wrong = await person.signIn('not-a-token-of-ours');
    expect(wrong.status).toBe(401);
    expect(wrong.text).toContain('this token is not known; ask an admin for a new one');
    const csrf = person.csrfOf(wrong);
    for (let tries = 1; tries < 60; tries++) await person.post('/sign-in', { token: 'wrong', csrf });
    const refused = await person.post('/sign-in', { token: 'wrong', csrf });
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('too many wrong tokens from 127.0.0.1');
    expect((await person.signIn()).status).toBe(303);
  });

  it('refuses a form that its own page did not make', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    await person.get('/sign-in');
    expect((await person.post('/sign-in', { token: TOKENS.admin, csrf: 'made-up' })).status).toBe(403);
    expect(person.cookies.has('fairway_session')).toBe(false);
  });

  it('counts wrong tokens of both faces together', async () => {
    const server = await startServer(QUICKSTART);
    const headers = { Authorization: 'Bearer wrong' };
    for (let tries = 0; tries < 60; tries++) await operatorClient(server, null)('GET', '/channels', undefined, headers);
    expect((await createPerson(server).signIn('wrong')).status).toBe(429);
  });
});

describe('a session', () => {
  it('ends when its person signs out, even for a stolen cookie', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    await person.signIn();
    const stolen = person.cookies.get('fairway_session') ?? '';
    expect((await person.submit('/sign-out', {})).status).toBe(303);
    expect(person.cookies.has('fairway_session')).toBe(false);
    person.cookies.set('fairway_session', stolen);
    expect((await person.get('/')).status).toBe(303);
  });

  it('ends by itself after a working day', async () => {
    let now = new Date('2026-11-22T08:00:00Z');
    const person = createPerson(await startServer(QUICKSTART, { now: () => now }));
    await person.signIn();
    now = new Date('2026-11-22T19:59:00Z');
    expect((await person.get('/')).status).toBe(200);
    now = new Date('2026-11-22T20:01:00Z');
    expect((await person.get('/')).status).toBe(303);
    expect((await person.get('/', { 'HX-Request': 'true' })).headers.get('hx-redirect')).toBe('/sign-in');
    expect((await person.get('/live')).status).toBe(401);
  });

  it('ends no later than its token', async () => {
    let now = new Date('2026-11-22T08:00:00Z');
    const token = { name: 'guest', role: 'viewer', sha256: hashToken('guest-token'), expires: '2026-11-22T09:00:00Z' };
    const person = createPerson(await startServer({ ...QUICKSTART, tokens: [token] }, { now: () => now }));
    await person.signIn('guest-token');
    expect((await person.get('/')).status).toBe(200);
    now = new Date('2026-11-22T09:00:01Z');
    expect((await person.get('/')).status).toBe(303);
    expect((await person.signIn('guest-token')).text).toContain('the token guest expired');
  });
});

describe('a form', () => {
  it.each([{}, { csrf: '' }, { csrf: 'made-up' }])('changes nothing with %o for a token', async (csrf) => {
    const server = await startServer(QUICKSTART);
    const person = createPerson(server);
    await person.signIn(TOKENS.admin);
    const reply = await person.post(`${CHANNEL}/roll-forward`, {
      ...MOVE,
      confirm: 'yes',
      revision: '1',
      ...csrf,
    } as never);
    expect(reply.status).toBe(403);
    expect(reply.text).toContain('comes from elsewhere');
    expect(await targetOf(server)).toBe('16.4.6');
  });

  it('changes nothing with the token of another session', async () => {
    const server = await startServer(QUICKSTART);
    const [victim, attacker] = [createPerson(server), createPerson(server)];
    await Promise.all([victim.signIn(TOKENS.admin), attacker.signIn(TOKENS.admin)]);
    const csrf = attacker.csrfOf(await attacker.get('/'));
    expect((await victim.post(`${CHANNEL}/withdraw`, { csrf, reason: 'x', confirm: 'yes' })).status).toBe(403);
    expect(await targetOf(server)).toBe('16.4.6');
  });

  it('is refused unread if it has more than 256 KiB', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    await person.signIn();
    expect((await person.submit(`${CHANNEL}/pin`, { reason: 'x'.repeat(300_000) })).status).toBe(413);
  });
});

describe('a role', () => {
  it.each([
    ['viewer', `${CHANNEL}/roll-forward`, { ...MOVE, confirm: 'yes', revision: '1' }],
    ['viewer', `${CHANNEL}/pin`, { reason: 'x' }],
    ['viewer', '/new-channel', { name: 'lab' }],
    ['viewer', `${CHANNEL}/settings`, { reason: 'x' }],
    ['viewer', '/control-planes', { name: 'main', version: '16.4.8' }],
  ] as const)('%s may not POST %s', async (role, path, form) => {
    const server = await startServer(QUICKSTART);
    const person = createPerson(server);
    await person.signIn(TOKENS[role]);
    const reply = await person.submit(path, form as never);
    expect(reply.status).toBe(403);
    expect(reply.text).toContain('this needs the role operator, and token:viewer has the role viewer');
    expect(await targetOf(server)).toBe('16.4.6');
  });

  it('does not see links to what it may not do', async () => {
    const server = await startServer(QUICKSTART);
    const [viewer, operator] = [createPerson(server), createPerson(server)];
    await Promise.all([viewer.signIn(TOKENS.viewer), operator.signIn(TOKENS.operator)]);
    expect((await viewer.get(CHANNEL)).text).not.toContain('roll-forward');
    expect((await operator.get(CHANNEL)).text).toContain('roll-forward');
    expect((await viewer.get(`${CHANNEL}/roll-forward`)).status).toBe(403);
  });

  it('below admin cannot accept to strand agents, whatever it sends', async () => {
    const server = await startServer(QUICKSTART);
    const person = createPerson(server);
    await person.signIn(TOKENS.operator);
    const form = { version: '17.0.0', reason: 'too eager' };
    const preview = await person.submit(`${CHANNEL}/roll-forward`, form);
    expect(preview.status).toBe(409);
    expect(preview.text).not.toContain('acceptStranding');
    const forced = await person.submit(`${CHANNEL}/roll-forward`, {
      ...form,
      acceptStranding: '1',
      confirm: 'yes',
      revision: '1',
    });
    expect(forced.status).toBe(403);
    expect(await targetOf(server)).toBe('16.4.6');
  });
});

describe('every answer', () => {
  it.each(['/sign-in', '/docs', '/', CHANNEL, '/channels/nowhere', '/nowhere'])(
    'allows no script, style or frame from elsewhere: %s',
    async (path) => {
      const person = createPerson(await startServer(QUICKSTART));
      await person.signIn();
      const { headers, text } = await person.get(path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(text).not.toMatch(/ style=|<style|<script>| on[a-z]+=/);
    },
  );

  it('is a problem document for a program that misspells an address of the API', async () => {
    const server = await startServer(QUICKSTART);
    expect(await operatorClient(server)('GET', '/chanels')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('shows what operators and agents wrote as text', async () => {
    const server = await startServer(QUICKSTART);
    const reason = `<img src=x onerror="alert(1)">'`;
    await operatorClient(server)('POST', '/channels/stable%2Fcloud/pin', { reason });
    const person = createPerson(server);
    await person.signIn(TOKENS.viewer);
    for (const path of ['/', CHANNEL, '/audit', `/audit?text=${encodeURIComponent(reason)}`]) {
      const { text } = await person.get(path);
      expect(text).toContain('&lt;img src=x onerror=');
      expect(text).not.toContain('<img src=x');
    }
  });

  it('lets browsers cache assets without limit, under an address that changes with them', async () => {
    const person = createPerson(await startServer(QUICKSTART));
    const { text } = await person.get('/sign-in');
    const addresses = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, address = '']) => address);
    expect(new Set(addresses).size).toBe(4);
    for (const address of addresses) {
      const asset = await person.get(address);
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect((await person.get(address.replace(/\/[0-9a-f]{12}\//, '/000000000000/'))).status).toBe(404);
    }
  });
});
