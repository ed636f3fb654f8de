import { describe, expect, it } from 'vitest';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const OLD = '16.4.7';

/** A stage that takes the control planes of class trials, a fifth of them at once. */
async function startTenants(names: string[], tenants: object = {}) {
  const selection = { class: 'trials', maxInFlight: '20%', ...tenants };
  const started = await startStages([openStage('trials', { tenants: selection })]);
  const { api } = started;
  const all = names.map((name) => ({ name, version: OLD, class: 'trials' }));
  const reply = await api('POST', '/control-planes/import', all);
  expect(reply).toMatchObject({ status: 200, body: { received: names.length, imported: names.length } });
  const list = async (query: string) =>
    (await api('GET', `/control-planes?${query}`)).body.controlPlanes.map(({ name }: { name: string }) => name);
  const report = (name: string, version: string) => api('PUT', `/control-planes/${name}`, { version });
  return { ...started, list, report };
}

const NAMES = Array.from({ length: 10 }, (_, index) => `t${index}`);

describe('tenants', () => {
  it('are told in waves, canaries first, and the stage goes on when all run the release', async () => {
    const { api, register, list, report, until } = await startTenants(NAMES);
    await api('PUT', '/control-planes/t7', { labels: { canary: 'true' } });
    expect((await api('GET', '/control-planes/t7')).body).toMatchObject({
      ...{ version: OLD, class: 'trials', labels: { canary: 'true' } },
      ...{ wanted: null, state: 'unwanted', deploy: null },
    });
    await register();
    await expect.poll(() => list(`wanted=${RELEASE}`)).toEqual(['t7']);
    expect((await api('GET', '/control-planes/t7')).body).toMatchObject({
      wanted: { version: RELEASE, stage: 'trials', since: expect.any(String) },
      state: 'told',
      deploy: { version: RELEASE, allowed: true, reasons: [] },
    });
    expect((await api('GET', '/control-planes/t7/wanted')).body).toBe(`${RELEASE}\n`);
    expect((await api('GET', '/control-planes/t0/wanted')).body).toBe('');
    await report('t7', RELEASE);
    await expect.poll(() => list('state=told')).toEqual(['t0', 't1']);
    expect(await list('behind=true&class=trials')).toEqual(['t0', 't1']);
    expect((await api('GET', '/audit?limit=50')).body.entries).toContainEqual(
      expect.objectContaining({
        action: 'tell',
        reason: `2 control planes of stage trials are told to run ${RELEASE}`,
      }),
    );
    for (let left = NAMES.filter((name) => name !== 't7'); left.length > 0; ) {
      await expect.poll(async () => (await list('state=told')).length).toBeGreaterThan(0);
      const told: string[] = await list('state=told');
      expect(told.length).toBeLessThanOrEqual(2);
      for (const name of told) await report(name, RELEASE);
      left = left.filter((name) => !told.includes(name));
    }
    await until('trials', 'soaking');
    expect((await list('state=running')).length).toBe(10);
    // A tenant that comes later is wanted to run what its stage runs.
    await api('PUT', '/control-planes/late', { version: OLD, class: 'trials' });
    expect((await api('GET', '/control-planes/late/wanted')).body).toBe(`${RELEASE}\n`);
  });

  it('halt the stage when too many of them do not come to the release in time', async () => {
    const { api, register, read, until, act, report, list } = await startTenants(NAMES, { deadline: '50ms' });
    await register();
    await until('trials', 'halted');
    const [stage] = (await read()).stages;
    expect(stage.halted.reason).toMatch(
      /^2 control planes did not come to 17.* in time or went back, and 0 may: t0, t1$/,
    );
    expect(await list('state=told')).toEqual([]);
    for (const name of ['t0', 't1']) await report(name, RELEASE);
    expect((await act('resume')).status).toBe(200);
    await expect.poll(async () => (await read()).stages[0].halted?.reason ?? '').toMatch(/t2, t3$/);
    expect((await api('GET', '/channels/trials')).body.target).toBe(OLD);
  });

  it('that go back are failing', async () => {
    const { register, list, report, until } = await startTenants(NAMES);
    await register();
    await expect.poll(() => list('state=told')).toEqual(['t0', 't1']);
    await report('t0', RELEASE);
    await report('t0', OLD);
    await until('trials', 'halted');
  });

  it('keep class and labels through reports, exports and documents', async () => {
    const { api, server, report } = await startTenants(['a']);
    await api('PUT', '/control-planes/a', { labels: { region: 'eu' } });
    await report('a', '16.4.8');
    const admin = operatorClient(server);
    const exported = (await admin('GET', '/export')).body;
    expect(exported.controlPlanes).toEqual([
      { name: 'a', version: '16.4.8', class: 'trials', labels: { region: 'eu' } },
    ]);
    const controlPlanes = [
      { name: 'a', version: '16.4.8', class: 'internal' },
      { name: 'b', version: OLD },
    ];
    expect((await admin('POST', '/apply', { fairway: 1, controlPlanes })).status).toBe(200);
    expect((await api('GET', '/control-planes/a')).body).toMatchObject({ class: 'internal', labels: { region: 'eu' } });
    await api('PUT', '/control-planes/a', { class: null, labels: {} });
    expect((await api('GET', '/control-planes/a')).body).toMatchObject({ class: null, labels: {}, version: '16.4.8' });
  });

  it('come a page at a time', async () => {
    const { api } = await startTenants(NAMES);
    const first = (await api('GET', '/control-planes?class=trials&limit=4')).body;
    expect(first.controlPlanes).toHaveLength(4);
    const second = (await api('GET', `/control-planes?class=trials&limit=8&cursor=${first.next}`)).body;
    expect(second.controlPlanes.map(({ name }: { name: string }) => name)).toEqual(NAMES.slice(4));
    expect(second.next).toBeNull();
    expect((await api('GET', '/control-planes?class=none')).body.controlPlanes).toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'one twice',
      [
        { name: 'a', version: OLD },
        { name: 'a', version: OLD },
      ],
      /a is listed twice/,
    ],
    ['no version', [{ name: 'a', class: 'trials' }], /version/],
    ['a class that is none', [{ name: 'a', version: OLD, class: 'Trials!' }], /class/],
    [
      'too many labels',
      [{ name: 'a', version: OLD, labels: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`l${n}`, ''])) }],
      /at most 20 labels/,
    ],
    ['nothing', [], /./],
  ])('are not imported with %s', async (_, body, detail) => {
    const { api } = await startTenants(['z']);
    expectProblem(await api('POST', '/control-planes/import', body), 422, 'invalid', detail);
    expect((await api('GET', '/control-planes/a')).status).toBe(404);
  });

  it('need a version first', async () => {
    const { api } = await startTenants(['z']);
    const reply = await api('PUT', '/control-planes/new', { class: 'trials' });
    expectProblem(reply, 422, 'invalid', /there is no control plane new yet; report its version with its class/);
    expectProblem(await api('PUT', '/control-planes/z', {}), 422, 'invalid', /report either version or components/);
  });

  it('are not deployed with a release that was pulled', async () => {
    const { api, register, list, act } = await startTenants(['a']);
    await register(FIX);
    await expect.poll(() => list('state=told')).toEqual(['a']);
    await act('pull', {}, FIX);
    expect((await api('GET', '/control-planes/a')).body).toMatchObject({
      wanted: null,
      state: 'unwanted',
      deploy: null,
    });
    const { body } = await api('POST', '/control-planes/a/check', { version: FIX });
    expect(body).toMatchObject({ allowed: false, reasons: [{ reason: 'release_pulled' }] });
    await register('17.0.0-cloud.20241114T101530.f00dfac', { artifacts: { controlPlane: 'building' } });
    const early = await api('POST', '/control-planes/a/check', { version: '17.0.0-cloud.20241114T101530.f00dfac' });
    expect(early.body).toMatchObject({ allowed: false, reasons: [{ reason: 'artifacts_missing' }] });
  });
});
