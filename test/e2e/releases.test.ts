import { afterAll, describe, expect, it, vi } from 'vitest';
import { FIX, RELEASE, release } from '../support/promotion.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer } from '../support/server.ts';

const OLD = '17.0.0-cloud.20241111T080000.0ddba11';
const CLASSES = { internal: 20, trials: 400, paying: 580 };
const LONG = 120_000;
const PATIENCE = { timeout: 60_000 };

type Class = keyof typeof CLASSES;
const STAGES = Object.keys(CLASSES) as Class[];

/** Tenants by class; the first of each is a canary. */
const tenants = (share = 1) =>
  STAGES.flatMap((name) =>
    Array.from({ length: Math.ceil(CLASSES[name] * share) }, (_, nth) => ({
      name: `${name}-${nth}`,
      version: OLD,
      class: name,
      ...(nth === 0 ? { labels: { canary: 'true' } } : {}),
    })),
  );

const stage = (name: Class, over: object = {}) => ({
  ...{ name, channels: [`cloud/${name}`], automatic: true, signOff: false, approval: false, soak: '100ms' },
  tenants: { class: name, maxInFlight: '25%', maxFailing: '5%', deadline: '1h' },
  ...over,
});

/** Two servers on one store, whose stages take tenants by class, and what CI, deployers and agents do. */
async function startCloud(stages: { name: string }[], share = 1) {
  const redis = await startRedis();
  const settings = {
    redisUrl: redis.url,
    bootstrap: { channels: stages.map(({ name }) => ({ name: `cloud/${name}`, target: OLD, accepts: ['cloud'] })) },
    promotion: { stages, advanceEvery: '20ms' },
  };
  const servers = [await startServer(settings), await startServer(settings)] as const;
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await redis.stop();
  });
  const ci = operatorClient(servers[0], 'release-manager');
  const deployer = operatorClient(servers[1], 'release-manager');
  expect(await deployer('POST', '/control-planes/import', tenants(share))).toMatchObject({ status: 200 });
  await ci('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
  const cut = { commit: '0ddba11', cutAt: '2024-11-11T08:00:00Z' };
  const artifacts = { controlPlane: 'published', packages: 'published' };
  expect((await ci('POST', '/releases', { version: OLD, ...cut, artifacts })).status).toBe(201);

  async function named(query: string): Promise<string[]> {
    const { controlPlanes, next } = (await deployer('GET', `/control-planes?limit=1000&${query}`)).body;
    expect(next).toBeNull();
    return controlPlanes.map(({ name }: { name: string }) => name);
  }
  /** Deploys what tenants are told until `isSo`, as a deployer does, and counts how many were told at once. */
  async function deploy(isSo: () => Promise<boolean>, version: string = RELEASE, except: string[] = []) {
    let most = 0;
    await vi.waitFor(async () => {
      const told = (await named('state=told')).filter((name) => !except.includes(name));
      most = Math.max(most, told.length);
      if (told.length > 0) {
        const wanted = await deployer('GET', `/control-planes/${told[0]}/wanted`);
        expect(wanted.body).toBe(`${version}\n`);
        const reports = told.map((name) => ({ name, version }));
        expect(await deployer('POST', '/control-planes/import', reports)).toMatchObject({ status: 200 });
      }
      if (!(await isSo())) throw new Error('not yet');
    }, PATIENCE);
    return most;
  }
  /** What an agent of a channel gets, from both servers alike. */
  const told = async (name: string) => {
    const answers = servers.map(async ({ publicUrl }) => (await fetch(`${publicUrl}/v1/cloud/${name}/version`)).text());
    return [...new Set(await Promise.all(answers))].map((answer) => answer.replace(/^v/, ''));
  };
  const allTold = async () => Promise.all(stages.map(({ name }) => told(name)));
  const { read, register, act, until } = release(ci);
  const isState = async (name: string, state: string, version: string = RELEASE) =>
    (await read(version)).stages.find((each: { stage: string }) => each.stage === name)?.state === state;
  const halves = async () =>
    (await read()).stages.map(({ agents }: { agents: { state: string } | null }) => agents?.state);
  return { servers, ci, deployer, named, deploy, told, allTold, read, register, act, until, isState, halves };
}

describe('a cloud release', { timeout: LONG }, () => {
  it('comes to 1,000 tenants from the cut to everybody, stage by stage', async () => {
    const signed = { automatic: false, signOff: true, approval: true };
    const cloud = await startCloud([stage('internal'), stage('trials', signed), stage('paying', signed)]);
    const { servers, ci, named, deploy, allTold, read, register, act, isState } = cloud;
    const manager = operatorClient(servers[1], 'admin');
    await register(RELEASE, {
      previous: OLD,
      changes: [{ pr: 4711, title: 'Rework the session recorder', significant: true, author: 'zmb3' }],
    });
    // The canary goes alone, then a quarter of the class at once.
    await vi.waitFor(async () => expect(await named('state=told')).toEqual(['internal-0']), PATIENCE);
    expect(await deploy(() => isState('internal', 'complete'))).toBeLessThanOrEqual(5);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[RELEASE], [OLD], [OLD]]), PATIENCE);

    // The next stage waits for a sign-off and another person.
    expect((await act('promote', { stage: 'trials' })).body.detail).toContain('not signed off: 4711');
    expect(
      (await ci('POST', `/releases/${RELEASE}/changes/4711/sign-off`, { reason: 'tested on staging' })).status,
    ).toBeLessThan(300);
    for (const [name, others] of [
      ['trials', [[RELEASE], [RELEASE], [OLD]]],
      ['paying', [[RELEASE], [RELEASE], [RELEASE]]],
    ] as const) {
      const verb = (act: string) =>
        manager('POST', `/releases/${RELEASE}/${act}`, { stage: name, reason: 'metrics are fine' });
      expect((await verb('approve')).status).toBe(200);
      expect((await verb('promote')).status).toBe(200);
      expect(await deploy(() => isState(name, 'complete'))).toBeLessThanOrEqual(CLASSES[name] / 4);
      await vi.waitFor(async () => expect(await allTold()).toEqual(others), PATIENCE);
    }
    await vi.waitFor(async () => expect(await named('behind=true')).toEqual([]), PATIENCE);
    expect((await named(`wanted=${RELEASE}&state=running`)).length).toBe(1_000);
    const promotion = await read();
    expect(promotion.next).toBe('nothing: all stages are complete');
    expect(JSON.stringify(promotion).length).toBeLessThan(200_000);
    const change = (await ci('GET', '/changes/4711')).body;
    expect(change.author).toBe('zmb3');
    expect(JSON.stringify(change)).toContain('1000');
  });

  it('that is a fix under embargo comes to all tenants before anybody else hears of it', async () => {
    const cloud = await startCloud(
      STAGES.map((name) => stage(name)),
      0.05,
    );
    const { ci, deploy, named, allTold, halves, register, act, read, isState } = cloud;
    const heard = new Set<string>();
    const listen = async () => {
      for (const version of (await allTold()).flat()) heard.add(version);
    };
    await register(RELEASE, { security: true, embargoed: true });
    await deploy(async () => {
      await listen();
      return isState('paying', 'complete');
    });
    expect(heard).toEqual(new Set([OLD]));
    await vi.waitFor(async () => expect(await named('behind=true')).toEqual([]), PATIENCE);
    expect(await halves()).toEqual(['embargoed', 'embargoed', 'embargoed']);
    // A release without the fix does not take it away.
    await register(FIX, { previous: OLD });
    expect((await read(FIX)).next).toContain('does not say that it includes');
    expect(await named(`wanted=${FIX}`)).toEqual([]);

    expect((await act('lift-embargo')).status).toBe(200);
    await vi.waitFor(async () => expect(await halves()).toEqual(['complete', 'complete', 'complete']), PATIENCE);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[RELEASE], [RELEASE], [RELEASE]]), PATIENCE);
    const { entries } = (await ci('GET', '/audit?limit=500')).body;
    const began = entries.filter(
      ({ action, subject, after }: { action: string; subject: string; after: { half?: string } }) =>
        action === 'start' && subject === `promotion/${RELEASE}` && after.half === 'agents',
    );
    expect(began.map(({ after }: { after: { stage: string } }) => after.stage)).toEqual(STAGES.toReversed());
  });

  it('that has no packages comes to all tenants, and its agents follow once it has some', async () => {
    const cloud = await startCloud(
      STAGES.map((name) => stage(name)),
      0.05,
    );
    const { ci, deploy, allTold, halves, register, isState } = cloud;
    await register(RELEASE, { artifacts: { controlPlane: 'published' } });
    await deploy(() => isState('paying', 'complete'));
    expect(await halves()).toEqual(['no-packages', 'no-packages', 'no-packages']);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[OLD], [OLD], [OLD]]), PATIENCE);
    await ci('POST', `/releases/${RELEASE}/artifacts`, { packages: 'published' });
    await vi.waitFor(async () => expect(await halves()).toEqual(['complete', 'complete', 'complete']), PATIENCE);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[RELEASE], [RELEASE], [RELEASE]]), PATIENCE);
  });

  it('that tenants take back halts, and a fix takes its place', async () => {
    const cloud = await startCloud(
      STAGES.map((name) => stage(name)),
      0.05,
    );
    const { ci, deployer, deploy, named, allTold, register, act, read, until, isState } = cloud;
    await register();
    await deploy(() => isState('internal', 'complete'));
    await deploy(async () => (await named(`class=trials&state=running`)).length > 4);
    const back = (await named('class=trials&state=running')).slice(0, 2);
    await deployer(
      'POST',
      '/control-planes/import',
      back.map((name) => ({ name, version: OLD })),
    );
    await until('trials', 'halted');
    const halted = (await read()).stages[1].halted;
    expect(halted.by).toMatch(/^system:/);
    for (const name of back) expect(halted.reason).toContain(name);
    await vi.waitFor(async () => expect(await named('state=told')).toEqual([]), PATIENCE);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[RELEASE], [OLD], [OLD]]), PATIENCE);

    await register(FIX, { previous: RELEASE });
    expect((await act('supersede', { by: FIX })).status).toBe(200);
    await deploy(() => isState('paying', 'complete', FIX), FIX);
    await vi.waitFor(async () => expect(await allTold()).toEqual([[FIX], [FIX], [FIX]]), PATIENCE);
    expect((await read()).stages.map(({ state }: { state: string }) => state)).toEqual([
      'complete',
      'superseded',
      'superseded',
    ]);
    expect((await ci('GET', '/promotions')).body.promotions ?? []).toEqual([]);
  });
});
