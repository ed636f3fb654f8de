import { describe, expect, it, vi } from 'vitest';
import { merge } from '../../src/config/raw.ts';
import { createPerson } from '../dashboard/person.ts';
import { operatorClient, QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';
import { open, requestBytes } from './wire.ts';

const GENEROUS = { perToken: 1_000, perAddress: 1_000, atOnce: 1_000 };
const limited = (limits: object, more: object = {}) =>
  startServer(merge(QUICKSTART, { operator: { limits: { ...GENEROUS, ...limits }, ...more } }));

describe('the limits of the operator side', () => {
  it('count the requests of each token, in the API and on the pages, in the same words', async () => {
    const server = await limited({ perToken: 5 });
    const person = createPerson(server);
    expect((await person.signIn(TOKENS.viewer)).status).toBe(303);
    for (let i = 0; i < 3; i++) expect((await person.get('/')).status).toBe(200);
    const api = operatorClient(server, 'viewer');
    for (let i = 0; i < 2; i++) expect((await api('GET', '/channels')).status).toBe(200);

    const refused = await api('GET', '/channels');
    expectProblem(refused, 429, 'rate_limited', /more than 5 requests in a minute by token:viewer; try again in \d+ s/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const page = await person.get('/');
    expect(page.status).toBe(429);
    expect(page.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(page.text).toContain(refused.body.detail.replace(/\d+ s$/, ''));
    expect((await operatorClient(server, 'admin')('GET', '/channels')).status).toBe(200);
  });

  it.each(['/metrics', '/openapi.json', '/docs', '/sign-in', '/hooks/github'])(
    'count the requests of an address without a token to %s',
    async (path) => {
      const server = await limited({ perAddress: 2 });
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const init = path.startsWith('/hooks') ? { method: 'POST' } : {};
        statuses.push((await fetch(`${server.operatorUrl}${path}`, init)).status);
      }
      expect(statuses.slice(0, 2)).not.toContain(429);
      expect(statuses.slice(2)).toEqual([429, 429]);
      expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
      expect((await operatorClient(server)('GET', '/channels')).status).toBe(200);
    },
  );

  it('bound the requests under way, and never refuse a probe', async () => {
    const server = await limited({ atOnce: 3 });
    const api = operatorClient(server);
    const slow = Array.from({ length: 3 }, () => {
      const socket = open(server.operatorUrl);
      // Its body does not come.
      const headers = [`Authorization: Bearer ${TOKENS.viewer}`, 'Content-Type: application/json', 'Content-Length: 9'];
      socket.write(requestBytes('/api/v1/channels/stable%2Fcloud/check', { method: 'POST', headers }));
      return socket;
    });
    let refused = await api('GET', '/channels');
    await vi.waitFor(async () => {
      refused = await api('GET', '/channels');
      expect(refused.status).toBe(429);
    });
    expectProblem(refused, 429, 'rate_limited', /3 requests are under way already; try again in 1 s/);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
    for (const socket of slow) socket.destroy();
    await vi.waitFor(async () => expect((await api('GET', '/channels')).status).toBe(200));
  });

  it('may ask for a token at /metrics', async () => {
    const server = await limited({}, { metrics: 'token' });
    const metrics = (token?: string) =>
      fetch(`${server.operatorUrl}/metrics`, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
    const refused = await metrics();
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await refused.text()).not.toContain('fairway_build_info');
    expect((await metrics('wrong')).status).toBe(401);
    const shown = await metrics(TOKENS.viewer);
    expect(shown.status).toBe(200);
    expect(await shown.text()).toContain('fairway_build_info');
  });
});

it('answers polls between operator requests that come together', async () => {
  const server = await limited({});
  let done = 0;
  const requests = Array.from({ length: 200 }, () => operatorClient(server)('GET', '/census').finally(() => done++));
  let between = 0;
  while (done < requests.length) {
    await (await fetch(`${server.publicUrl}/v1/stable/cloud/version`)).text();
    if (done > 0 && done < requests.length) between++;
  }
  await Promise.all(requests);
  expect(between).toBeGreaterThan(0);
});
