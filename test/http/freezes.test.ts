import { describe, expect, it, vi } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const HOUR = 3_600_000;
const hours = (count: number) => new Date(Date.now() + count * HOUR).toISOString();
const FREEZE = { from: hours(-1), until: hours(5), reason: 'holidays' };
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000 });
const sentence = `stable/cloud is frozen until ${FREEZE.until.slice(0, 16).replace('T', ' ')} UTC by`;

async function open(channel: object = {}, settings: object = {}) {
  let ahead = 0;
  const server = await startServer(
    {
      leader: { plansEvery: '10ms' },
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', ...channel }] },
      ...settings,
    },
    { now: () => new Date(Date.now() + ahead) },
  );
  const api = operatorClient(server);
  const act = (verb: string, body: object = {}) => api('POST', `${CHANNEL}/${verb}`, { reason: 'test', ...body });
  const target = async () => (await api('GET', CHANNEL)).body.target;
  const later = (ms: number) => {
    ahead += ms;
  };
  return { server, api, act, target, later };
}

describe('a freeze', () => {
  it.each<[where: string, channel: object, settings: object, by: string]>([
    ['of a channel', { freezes: [FREEZE] }, {}, 'the settings of stable/cloud'],
    ['of all channels', {}, { freezes: [FREEZE] }, "the server's settings"],
  ])('%s refuses moves forward, shows itself, and ends', async (_, channel, settings, by) => {
    const { api, act, target, later } = await open(channel, settings);
    const words = `${sentence} ${by}: holidays`;
    const refused = await act('roll-forward', { version: '16.4.7' });
    expect(expectProblem(refused, 409, 'frozen').detail).toBe(
      `${words}; to move it anyway, an admin uses overrideFreeze: fairway roll-forward stable/cloud VERSION --override-freeze`,
    );
    expectProblem(await act('pin', { version: '16.4.7' }), 409, 'frozen');
    expectProblem(await act('roll-forward', { version: '16.4.7', dryRun: true }), 409, 'frozen');
    const document = { fairway: 1, channels: [{ name: 'stable/cloud', target: '16.4.7', freezes: null }] };
    expectProblem(await api('POST', '/apply', document), 409, 'frozen');
    expect(await target()).toBe('16.4.6');

    expect((await api('GET', CHANNEL)).body.frozen).toBe(words);
    expect((await api('POST', `${CHANNEL}/check`, { version: '16.4.7' })).body.warnings).toContainEqual({
      reason: 'frozen',
      detail: words,
    });
    // What is no move forward goes through.
    for (const [verb, body] of [
      ['pin', {}],
      ['unpin', {}],
      ['critical', { critical: true }],
      ['roll-back', { version: '16.4.5' }],
      ['roll-forward', { version: '16.4.6', critical: true }],
    ] as const)
      expect(await act(verb, body)).toMatchObject({ status: 200 });

    later(6 * HOUR);
    expect((await api('GET', CHANNEL)).body).not.toHaveProperty('frozen');
    expect(await act('roll-forward', { version: '16.4.7' })).toMatchObject({ status: 200 });
  });

  it('is overridden by an admin only, and the audit log says so', async () => {
    const { server, api, act, target } = await open({ freezes: [FREEZE] });
    const body = { version: '16.4.7', reason: 'urgent', overrideFreeze: true };
    const operator = operatorClient(server, 'operator');
    expectProblem(await operator('POST', `${CHANNEL}/roll-forward`, body), 403, 'forbidden', /while it is frozen/);
    expect(await target()).toBe('16.4.6');
    const done = await act('roll-forward', body);
    expect(done).toMatchObject({ status: 200 });
    expect(done.body.audit.reason).toMatch(
      /^urgent \(although frozen until .* by the settings of stable\/cloud: holidays\)$/,
    );
    const { entries } = (await api('GET', `${CHANNEL}/history`)).body;
    expect(entries[0].reason).toBe(done.body.audit.reason);
  });

  it('without exceptions refuses a roll-back too, but never a withdrawal or a pull', async () => {
    const { api, act, target } = await open({ freezes: [{ ...FREEZE, except: [] }] });
    expectProblem(await act('roll-back', { version: '16.4.5' }), 409, 'frozen');
    expectProblem(await act('roll-forward', { version: '16.4.7', critical: true }), 409, 'frozen');
    expect(await act('roll-forward', { version: '16.4.7', overrideFreeze: true })).toMatchObject({ status: 200 });
    await api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
    expect(await api('POST', '/releases/16.4.7/pull', { reason: 'broken' })).toMatchObject({ status: 200 });
    expect(await target()).toBe('16.4.6');
    expect(await act('withdraw')).toMatchObject({ status: 200 });
  });

  it('is set, exported and applied as the other settings are', async () => {
    const { api } = await open();
    expect((await api('GET', '/export')).body.channels[0]).not.toHaveProperty('freezes');
    const put = await api('PUT', CHANNEL, { freezes: [FREEZE], reason: 'test' });
    const stored = [{ ...FREEZE, except: ['roll-back', 'critical'] }];
    expect(put).toMatchObject({ status: 200, body: { freezes: stored } });
    const { body: document } = await api('GET', '/export');
    expect(document.channels[0]).toMatchObject({ freezes: stored });
    expect((await api('POST', '/apply', document)).body.changes).toEqual([]);
    await api('PUT', CHANNEL, { freezes: null, reason: 'over' });
    expect((await api('POST', '/apply', document)).body.changes).toHaveLength(1);
    expect((await api('GET', CHANNEL)).body.freezes).toEqual(stored);
  });

  it.each<[what: string, freeze: object]>([
    ['ends before it begins', { ...FREEZE, until: FREEZE.from }],
    ['has no reason', { ...FREEZE, reason: ' ' }],
    ['has no end', { from: FREEZE.from, reason: 'x' }],
    ['excepts something else', { ...FREEZE, except: ['pin'] }],
  ])('that %s is refused', async (_, freeze) => {
    const { api } = await open();
    expectProblem(await api('PUT', CHANNEL, { freezes: [freeze] }), 422, 'invalid');
    expectProblem(await api('PUT', CHANNEL, { freezes: Array(51).fill(FREEZE) }), 422, 'invalid');
  });

  it('lets a group begin only when it is over, unless an admin starts it', async () => {
    const soon = { ...FREEZE, from: hours(0.5) };
    const rollout = {
      groups: [
        { name: 'dev', canaries: 1 },
        { name: 'prod', waitHours: 1 },
      ],
    };
    const { server, api, act, later } = await open({ freezes: [soon], rollout });
    expect(await act('roll-forward', { version: '16.4.7' })).toMatchObject({ status: 200 });
    expect(await act('rollout/done', { group: 'dev', force: true })).toMatchObject({ status: 200 });
    later(2 * HOUR);
    const prod = async () => (await api('GET', `${CHANNEL}/rollout`)).body.groups[1];
    await until(async () =>
      expect(await prod()).toMatchObject({ state: 'unstarted', waitsFor: expect.stringMatching(/is frozen until/) }),
    );
    expectProblem(await act('rollout/start', { group: 'prod' }), 409, 'frozen');
    expectProblem(await act('rollout/done', { group: 'prod', force: true }), 409, 'frozen');
    const operator = operatorClient(server, 'operator');
    const body = { group: 'prod', reason: 'urgent', overrideFreeze: true };
    expectProblem(await operator('POST', `${CHANNEL}/rollout/start`, body), 403, 'forbidden');
    expect((await act('rollout/start', body)).body.audit.reason).toMatch(/^urgent \(although frozen until/);
  });
});

describe('an automatic move', () => {
  const window = { start: new Date(Date.now() + 3 * HOUR).toISOString().slice(11, 16), for: '1h', timeZone: 'UTC' };
  const opens = /^the window of stable\/cloud opens at .* UTC$/;

  it.each<[what: string, reason: string, detail: RegExp, settings: object, after: number]>([
    ['a freeze', 'frozen', /is frozen until/, { freezes: [{ ...FREEZE, from: hours(0.5) }] }, 5],
    ['a window', 'window', opens, { window }, 2.5],
  ])('of a plan waits for %s', async (_, reason, detail, settings, after) => {
    const bootstrap = {
      controlPlanes: { main: '17.9.0' },
      channels: [{ name: 'stable/cloud', target: '16.4.0', controlPlane: 'main', ...settings }],
    };
    const { api, act, target, later } = await open({}, { bootstrap });
    const agentAt = (version: string) =>
      api('POST', '/inventory?channel=stable%2Fcloud&complete=true', [instance(1, version)]);
    const releases = ['16.5.1', '17.4.0', '18.0.0'].map((version) => ({ version, date: null, security: false }));
    await api('POST', '/releases/import', releases);
    await agentAt('15.4.0');
    expect(await act('roll-forward', { version: '18.0.0', stepped: true })).toMatchObject({ status: 200 });
    later(HOUR);
    await agentAt('16.5.1');
    const plan = async () => (await api('GET', `${CHANNEL}/plan`)).body;
    expect((await plan()).waiting).toEqual({ reason, detail: expect.stringMatching(detail) });
    expect(await target()).toBe('16.5.1');
    later(after * HOUR);
    await until(async () => expect(await target()).toBe('17.4.0'));
  });

  it.each<[what: string, settings: object, words: RegExp]>([
    ['a freeze', { freezes: [FREEZE] }, /canary is frozen until .* by the settings of canary: holidays/],
    ['a window', { window }, /the window of canary opens at/],
  ])('of a promotion waits for %s', async (_, settings, words) => {
    const { api, register, until: reach, read } = await startStages([openStage('canary')]);
    expect(await api('PUT', '/channels/canary', settings)).toMatchObject({ status: 200 });
    await register();
    await reach('canary', 'rolling');
    await expect.poll(async () => (await read()).next).toMatch(words);
    expect((await api('GET', '/channels/canary')).body.target).not.toBe(RELEASE);
    await api('PUT', '/channels/canary', { freezes: null, window: null });
    await reach('canary', 'soaking');
    expect((await api('GET', '/channels/canary')).body.target).toBe(RELEASE);
  });
});
