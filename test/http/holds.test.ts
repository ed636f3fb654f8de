import { describe, expect, it, onTestFinished } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { FIX, openStage, RELEASE, release, startStages } from '../support/promotion.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const OLD = '17.0.0-cloud.20241101T101530.f00dfac';
const STAGES = [openStage('canary', { soak: '1ms' }), openStage('internal', { controlPlanes: ['internal'] })];
const SETTINGS = {
  bootstrap: {
    controlPlanes: { internal: OLD },
    channels: ['canary', 'internal'].map((name) => ({ name, target: OLD })),
  },
};

type Api = ReturnType<typeof operatorClient>;
const TAKEN_BACK: [what: string, takeBack: (api: Api) => Promise<unknown>][] = [
  ['rolled back', (api) => api('POST', '/channels/canary/roll-back', { reason: 'it crashes' })],
  ['withdrew', (api) => api('POST', '/channels/canary/withdraw', { reason: 'it crashes' })],
  [
    'deleted and made again',
    async (api) => {
      expect((await api('DELETE', '/channels/canary')).status).toBe(204);
      expect((await api('PUT', '/channels/canary', { target: OLD, reason: 'again' })).status).toBe(201);
    },
  ],
];

/** A promotion that has passed the canary stage and waits for the control plane of the next one. */
async function passedCanary() {
  const started = await startStages(STAGES, SETTINGS);
  await started.register();
  await started.until('internal', 'awaiting-control-plane');
  return { ...started, admin: operatorClient(started.server) };
}
const targetOf = async (api: Api, name: string) => (await api('GET', `/channels/${name}`)).body.target;

describe('a channel that a person took back', () => {
  it.each(TAKEN_BACK)('after they %s it, does not go on by machine, nor does the next stage', async (_, takeBack) => {
    const { api, admin, read, register } = await passedCanary();
    await takeBack(admin);
    await api('PUT', '/control-planes/internal', { version: FIX });
    await register(FIX);
    await expect.poll(async () => (await read(FIX)).next).toContain('canary: held by token admin');
    expect((await read()).next).toMatch(
      /channel canary of stage canary is held by token admin: .*fairway release canary/,
    );
    expect(await targetOf(api, 'canary')).not.toBe(FIX);
    expect(await targetOf(api, 'internal')).toBe(OLD);
    const { body } = await admin('POST', '/channels/canary/release', { reason: 'the fix is out' });
    expect(body).toMatchObject({ channel: { hold: null }, audit: { action: 'release', reason: 'the fix is out' } });
    await expect.poll(() => targetOf(api, 'canary')).toBe(FIX);
  });

  it('goes on after a person rolls it forward', async () => {
    const { api, admin, until } = await passedCanary();
    await admin('POST', '/channels/canary/roll-back', { reason: 'it crashes' });
    await api('PUT', '/control-planes/internal', { version: RELEASE });
    await admin('POST', '/channels/canary/roll-forward', { version: RELEASE, reason: 'it was the disk' });
    await until('internal', 'soaking');
  });

  it('is held through a restart', async () => {
    const dataDir = temporaryDirectory();
    const settings = { ...SETTINGS, dataDir, promotion: { stages: STAGES, advanceEvery: '20ms' } };
    const first = await startServer(settings);
    const before = release(operatorClient(first, 'release-manager'));
    await before.register();
    await before.until('internal', 'awaiting-control-plane');
    await before.api('POST', '/channels/canary/roll-back', { reason: 'it crashes' });
    await first.close();
    const { api, register, read } = release(operatorClient(await startServer(settings), 'release-manager'));
    await api('PUT', '/control-planes/internal', { version: FIX });
    await register(FIX);
    await expect.poll(async () => (await read(FIX)).next).toContain('held by token release-manager: it crashes');
    expect([await targetOf(api, 'canary'), await targetOf(api, 'internal')]).toEqual([OLD, OLD]);
  });

  it('is held by whichever server leads', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const settings = {
      ...SETTINGS,
      redisUrl: redis.url,
      leader: { lease: '1s', plansEvery: '20ms' },
      promotion: { stages: STAGES, advanceEvery: '20ms' },
    };
    const first = await startServer(settings);
    const before = release(operatorClient(first, 'release-manager'));
    await before.register();
    await before.until('internal', 'awaiting-control-plane');
    const second = await startServer(settings);
    await before.api('POST', '/channels/canary/withdraw', { reason: 'it crashes' });
    await first.close();
    const { api, register, read } = release(operatorClient(second, 'release-manager'));
    await api('PUT', '/control-planes/internal', { version: FIX });
    await register(FIX);
    await expect
      .poll(async () => (await read(FIX)).next, { timeout: 20_000 })
      .toContain('held by token release-manager: it crashes');
    expect([await targetOf(api, 'canary'), await targetOf(api, 'internal')]).toEqual([null, OLD]);
  });

  it.each<[what: string, verb: string, body: object]>([
    ['rolled back', 'roll-back', {}],
    ['withdrew', 'withdraw', {}],
    ['pinned at an older version', 'pin', { version: '16.4.7' }],
  ])('after they %s it, does not go on with its plan, nor its rollout', async (_, verb, body) => {
    const rollout = { groups: [{ name: 'dev' }, { name: 'prod' }] };
    const server = await startServer({
      leader: { plansEvery: '20ms' },
      bootstrap: { channels: [{ name: 'edge', target: '16.4.7', rollout }] },
    });
    const api = operatorClient(server);
    const agentAt = (version: string) =>
      api('POST', '/inventory?channel=edge&complete=true', [{ ...instance(1, version) }]);
    const act = async (what: string, more: object = {}) =>
      expect
        .poll(async () => (await api('POST', `/channels/edge/${what}`, { reason: 'test', ...more })).status)
        .toBe(200);
    const releases = ['16.4.7', '17.5.0', '17.5.1', '18.1.0'].map((version) => ({
      version,
      date: null,
      security: true,
    }));
    await api('POST', '/releases/import', releases);
    await agentAt('16.4.7');
    await act('roll-forward', { version: '18.1.0', stepped: true });
    expect((await api('GET', '/channels/edge')).body).toMatchObject({ target: '17.5.1', plan: { step: 0 } });
    await act(verb, body);
    await agentAt('17.5.1');
    const { target } = (await api('GET', '/channels/edge')).body;
    expect(target).toBe(verb === 'withdraw' ? null : '16.4.7');
    await api('POST', '/releases/import', [...releases, { version: '16.4.8', date: null, security: true }]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = (await api('GET', '/channels/edge')).body;
    expect(after).toMatchObject({ target, plan: null, hold: { by: 'token:admin' } });
    if (after.progress) expect(after.progress.state).toBe('rolledback');
  });

  it('is not moved by resume, whose dry run says what it waits for', async () => {
    const { api, register, act, until, read } = await startStages([openStage('canary')], SETTINGS);
    await register();
    await until('canary', 'soaking');
    await api('POST', '/channels/canary/roll-back', { reason: 'it crashes' });
    await until('canary', 'halted');
    const waits = 'canary: moves its channels: canary: held by token release-manager: it crashes';
    expect((await act('resume', { dryRun: true })).body.next).toContain(waits);
    expect((await act('resume')).body.next).toContain(waits);
    expect((await read()).stages[0].state).toBe('rolling');
    expect(await targetOf(api, 'canary')).toBe(OLD);
    await api('POST', '/channels/canary/roll-forward', { version: RELEASE, reason: 'it was the disk' });
    await until('canary', 'soaking');
  });

  it('is held by a document that makes it again, even if the document says otherwise', async () => {
    const { api, admin } = await passedCanary();
    await admin('DELETE', '/channels/canary');
    const channels = [{ name: 'canary', target: OLD, hold: null }];
    expect((await admin('POST', '/apply', { fairway: 1, channels })).status).toBe(200);
    const hold = { by: 'token:admin', reason: expect.stringMatching(/^it was deleted at .* by token admin/) };
    expect((await api('GET', '/channels/canary')).body.hold).toMatchObject(hold);
  });

  it('is shown as held, and needs a reason to be let go', async () => {
    const { api, admin, server } = await passedCanary();
    await admin('POST', '/channels/canary/roll-back', { reason: 'it crashes' });
    const hold = { by: 'token:admin', at: expect.any(String), reason: 'it crashes' };
    expect((await api('GET', '/channels/canary')).body.hold).toEqual(hold);
    expectProblem(await admin('POST', '/channels/canary/release', {}), 422, 'invalid', /reason/);
    expectProblem(
      await operatorClient(server, 'viewer')('POST', '/channels/canary/release', { reason: 'x' }),
      403,
      'forbidden',
      /may not let a held channel go/,
    );
    const exported = (await admin('GET', '/export')).body;
    expect(exported.channels[0]).toMatchObject({ name: 'canary', hold });
    const unheld = [{ name: 'canary', hold: null, description: 'x' }];
    expect((await admin('POST', '/apply', { fairway: 1, channels: unheld })).status).toBe(200);
    expect((await api('GET', '/channels/canary')).body).toMatchObject({ description: 'x', hold });
  });
});
