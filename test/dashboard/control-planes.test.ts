import { describe, expect, it } from 'vitest';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';
import { createPerson } from './person.ts';

const OLD = '16.4.7';

/** A stage that takes 130 tenants of class trials, t0 as a canary, and one tenant of another class. */
async function started() {
  const stage = openStage('trials', { tenants: { class: 'trials', maxInFlight: '2%', maxFailing: '100%' } });
  const started = await startStages([stage]);
  const { api, register } = started;
  const tenants = Array.from({ length: 130 }, (_, index) => ({
    ...{ name: `t${index}`, version: OLD, class: 'trials' },
    labels: index === 0 ? { canary: 'true' } : { region: 'eu' },
  }));
  await api('POST', '/control-planes/import', [...tenants, { name: 'lone', version: OLD, class: 'internal' }]);
  await register();
  const told = async () =>
    (await api('GET', '/control-planes?state=told')).body.controlPlanes.map(({ name }: { name: string }) => name);
  await expect.poll(told).toEqual(['t0']);
  const person = createPerson(started.server);
  await person.signIn();
  /** The rows of the page, as texts without markup. */
  const rows = async (query = '') => {
    const { status, text } = await person.get(`/control-planes${query}`);
    expect(status, query).toBe(200);
    const body = /<tbody>(.*?)<\/tbody>/s.exec(text)?.[1] ?? '';
    return body
      .split('</tr>')
      .slice(0, -1)
      .map((row) =>
        row
          .replaceAll(/<[^>]+>/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      );
  };
  return { ...started, person, rows, told };
}

describe('the page of control planes', () => {
  it('shows class, labels, what is wanted by which stage, and how each stands to it', async () => {
    const { rows, api, told } = await started();
    const rowOf = async (name: string) => (await rows()).find((row) => row.startsWith(`${name} `));
    expect(await rowOf('lone')).toMatch(/^lone internal 16\.4\.7 nothing none/);
    expect(await rowOf('t0')).toMatch(
      new RegExp(`^t0 trials canary=true ${OLD} ${RELEASE} by stage trials .* behind none`),
    );
    expect(await rowOf('t1')).toMatch(
      new RegExp(`^t1 trials region=eu ${OLD} nothing waits for its turn in stage trials: ${RELEASE} none`),
    );
    await api('PUT', '/control-planes/t0', { version: RELEASE });
    await expect.poll(told).toEqual(['t1', 't10']);
    expect(await rowOf('t0')).toContain('up to date');
    await api('PUT', '/control-planes/t1', { version: RELEASE });
    await api('PUT', '/control-planes/t1', { version: OLD });
    expect(await rowOf('t1')).toContain('failing');
  });

  it('has 100 on a page, and keeps the filter on the next one', async () => {
    const { person, rows } = await started();
    expect(await rows()).toHaveLength(100);
    const { text } = await person.get('/control-planes?class=trials');
    const next = /href="(\/control-planes\?[^"]*after=[^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toBe('/control-planes?class=trials&after=t99');
    expect(await rows(next.replace('/control-planes', ''))).toHaveLength(30);
  });

  it.each<[string, number]>([
    ['?class=internal', 1],
    ['?class=internal&state=told', 0],
    [`?wanted=v${RELEASE}`, 1],
    ['?behind=true', 1],
    ['?behind=false&class=internal', 1],
    ['?state=told', 1],
    ['?state=unwanted&class=internal', 1],
  ])('is filtered as the API is: %s shows %i', async (query, length) => {
    const { rows, api } = await started();
    expect(await rows(query)).toHaveLength(length);
    expect((await api('GET', `/control-planes${query}`)).body.controlPlanes).toHaveLength(length);
  });

  it('says what is wrong with a filter', async () => {
    const { person } = await started();
    const { status, text } = await person.get('/control-planes?wanted=sixteen&state=lost');
    expect(status).toBe(422);
    expect(text).toMatch(/value="sixteen"/);
    expect((await person.get('/control-planes?class=nobody')).text).toContain('No control plane matches');
  });

  it('does not say which control planes are wanted to run a release that the reader must not know of', async () => {
    const { server, api, register } = await started();
    const secret = '17.0.0-cloud.20241114T101530.f00dfac';
    await register(secret, { embargoed: true, security: true });
    await expect
      .poll(async () => (await api('GET', `/control-planes?wanted=${secret}`)).body.controlPlanes.length)
      .toBe(1);
    const { body } = await operatorClient(server, 'viewer')('GET', `/control-planes?wanted=${secret}`);
    expect(body).toEqual({ controlPlanes: [], next: null });
  });
});
