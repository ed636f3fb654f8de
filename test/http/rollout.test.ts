import { describe, expect, it, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { fakeAgents, poll, pollAll } from '../support/fake-agents.ts';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const HOUR = 3_600_000;
/** A machine with other work is slow. */
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000 });

/** A server that looks at rollouts often, with a channel of two groups, by a clock that the test sets. */
async function open(rollout: Raw, settings: Raw = {}) {
  let ahead = 0;
  const server = await startServer(
    {
      fleet: { flushEvery: '10ms' },
      leader: { plansEvery: '10ms' },
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', rollout }] },
      ...settings,
    },
    { now: () => new Date(Date.now() + ahead) },
  );
  const api = operatorClient(server);
  const read = async () => (await api('GET', `${CHANNEL}/rollout`)).body;
  const group = async (name: string) => (await read()).groups.find((each: { name: string }) => each.name === name);
  const act = (verb: string, body: object = {}) =>
    api('POST', `${CHANNEL}/rollout/${verb}`, { reason: 'test', ...body });
  const rollForward = (version = '16.4.7', more: object = {}) =>
    api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'a fix', ...more });
  const later = (ms: number) => {
    ahead += ms;
  };
  return { server, api, read, group, act, rollForward, later };
}

const TWO = {
  groups: [
    { name: 'dev', match: ['dev', 'Development'], canaries: 2, waves: [20, 100] },
    { name: 'prod', waves: [50, 100] },
  ],
};

describe('a rollout', () => {
  it('goes from the canaries over the waves to every group, and ends', async () => {
    const { server, api, read, group, rollForward } = await open(TWO);
    const dev = fakeAgents('dev', 10);
    const prod = fakeAgents('prod', 4);
    const all = [...dev, ...prod];
    await pollAll(server, all);
    await until(async () => expect((await api('GET', '/agents')).body.agents).toHaveLength(14));

    expect((await api('GET', `${CHANNEL}/rollout`)).status).toBe(404);
    expect((await rollForward()).status).toBe(200);
    await until(async () => expect(await group('dev')).toMatchObject({ state: 'canary', wave: 20, told: 2 }));
    expect(await read()).toMatchObject({ from: '16.4.6', to: '16.4.7', state: 'active', halted: null });
    expect((await group('dev')).canaries).toHaveLength(2);
    expect((await group('dev')).waitsFor).toContain('2 canaries that were told 0 min ago must be seen at 16.4.7');
    expect(await group('prod')).toMatchObject({ state: 'unstarted', waitsFor: 'the group dev must be done' });

    await pollAll(server, all);
    expect(all.filter(({ version }) => version === '16.4.7')).toHaveLength(2);
    expect((await ask(server.publicUrl, '/v1/stable/cloud/version')).body).toBe('v16.4.6');

    await pollAll(server, all);
    await until(async () => expect(await group('dev')).toMatchObject({ state: 'active' }));
    const seen: number[] = [];
    await until(async () => {
      await pollAll(server, all);
      const told = all.filter(({ version }) => version === '16.4.7').length;
      expect(told).toBeGreaterThanOrEqual(seen.at(-1) ?? 0);
      seen.push(told);
      expect((await read()).state).toBe('done');
    });
    expect((await group('prod')).state).toBe('done');
    expect((await ask(server.publicUrl, '/v1/stable/cloud/version')).body).toBe('v16.4.7');
    const { entries } = (await api('GET', `${CHANNEL}/history?limit=50`)).body;
    expect(
      entries
        .map(({ action }: { action: string }) => action)
        .reverse()
        .slice(2),
    ).toEqual([
      'rollout-begin',
      'rollout-widen',
      'rollout-widen',
      'rollout-finish',
      'rollout-skip-canaries',
      'rollout-widen',
      'rollout-finish',
    ]);
  });

  it('tells nobody new while it is paused, and goes back when a person says so', async () => {
    const { server, read, group, act, rollForward, api } = await open({ groups: [{ name: 'dev', waves: [50, 100] }] });
    const dev = fakeAgents('dev', 10);
    await pollAll(server, dev);
    await rollForward();
    await until(async () => expect(await group('dev')).toMatchObject({ state: 'active', wave: 50 }));
    const paused = await act('pause');
    expect(paused.body.rollout).toMatchObject({ state: 'paused', paused: { by: 'token:admin', reason: 'test' } });
    await pollAll(server, dev);
    const told = dev.filter(({ version }) => version === '16.4.7').length;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(10);
    const find = async (id: string) =>
      JSON.parse((await ask(server.publicUrl, `/webapi/find?group=dev&update_id=${id}`)).body);
    for (const { id, version } of dev) {
      expect((await find(id)).auto_update).toMatchObject({ agent_version: version, agent_auto_update: false });
    }
    await pollAll(server, dev);
    expect(dev.filter(({ version }) => version === '16.4.7')).toHaveLength(told);
    expect((await read()).next).toBe('to go on: fairway rollout resume stable/cloud');

    const back = await act('roll-back');
    expect(back.body.rollout).toMatchObject({ state: 'rolledback', groups: [{ state: 'rolledback' }] });
    await pollAll(server, dev);
    expect(dev.every(({ version }) => version === '16.4.6')).toBe(true);
    expect((await api('GET', CHANNEL)).body).toMatchObject({ target: '16.4.6', hold: { by: 'token:admin' } });
  });

  it('waits for windows and hours by the clock', async () => {
    // Whatever the time is now, the window is not open 30 hours later.
    const start = new Date().getUTCHours() < 12 ? '04:00' : '16:00';
    const window = { start, for: '2h', timeZone: 'Europe/Berlin' };
    const { server, group, rollForward, later } = await open({
      groups: [{ name: 'dev' }, { name: 'prod', window, waitHours: 30 }],
    });
    const agents = [...fakeAgents('dev', 2), ...fakeAgents('prod', 2)];
    await pollAll(server, agents);
    await rollForward();
    await until(async () => {
      await pollAll(server, agents);
      expect(await group('dev')).toMatchObject({ state: 'done' });
    });
    expect((await group('prod')).waitsFor).toMatch(/^30 h after dev began, at .* Europe\/Berlin$/);
    later(30 * HOUR);
    await until(async () => expect((await group('prod')).waitsFor).not.toMatch(/30 h/));
    expect((await group('prod')).waitsFor).toMatch(new RegExp(`^its window opens at .* ${start} Europe/Berlin$`));
    await until(async () => {
      if ((await group('prod')).waitsFor !== null) later(HOUR);
      await pollAll(server, agents);
      expect((await group('prod')).state).not.toBe('unstarted');
    });
  });

  it('asks a person where a group has fewer agents than canaries', async () => {
    const { server, group, act, rollForward } = await open({ groups: [{ name: 'dev', canaries: 3 }] });
    const agents = fakeAgents('dev', 2);
    await pollAll(server, agents);
    await rollForward();
    await until(async () =>
      expect((await group('dev')).waitsFor).toMatch(
        /^it has 2 agents that can be a canary and needs 3; .*--skip-canaries$/,
      ),
    );
    expectProblem(await act('start'), 409, 'refused', /--skip-canaries/);
    expect((await act('start', { skipCanaries: true })).body.rollout.groups[0]).toMatchObject({ state: 'active' });
  });

  it('knows v2 updaters by the ids by which they ask, which inventories name', async () => {
    const { server, api, group, rollForward } = await open({ groups: [{ name: 'dev', canaries: 1 }] });
    const ids = Array.from({ length: 4 }, (_, nth) => `0b5a2b1e-0000-4000-8000-00000000000${nth}`);
    const versions = new Map(ids.map((id) => [id, '16.4.6']));
    const report = () =>
      api(
        'POST',
        '/inventory?channel=stable%2Fcloud&complete=true',
        ids.map((id, nth) => ({
          kind: 'instance',
          metadata: { name: `host-${nth}` },
          spec: {
            version: versions.get(id),
            last_seen: new Date().toISOString(),
            updater_info: { update_group: 'dev', update_uuid: id, updater_status: 1 },
          },
        })),
      );
    const find = async (id: string) =>
      JSON.parse((await ask(server.publicUrl, `/v1/webapi/find?group=dev&update_id=${id}`)).body).auto_update;
    expect((await report()).status).toBe(200);
    await rollForward();
    await until(async () => expect(await group('dev')).toMatchObject({ state: 'canary', told: 1 }));
    const [canary] = (await group('dev')).canaries;
    expect(ids).toContain(canary.id);
    for (const id of ids) {
      const isCanary = id === canary.id;
      const told = { agent_version: isCanary ? '16.4.7' : '16.4.6', agent_auto_update: isCanary };
      expect(await find(id)).toMatchObject({ ...told, agent_update_jitter_seconds: 60 });
    }
    versions.set(canary.id, '16.4.7');
    await report();
    await until(async () => expect(await group('dev')).toMatchObject({ state: 'active', wave: 100 }));
    expect(await find(ids.find((id) => id !== canary.id) as string)).toMatchObject({ agent_auto_update: true });
  });

  it('is begun or ended by a person only where the gate allows it, and not while the channel is pinned', async () => {
    const { api, act, rollForward, group } = await open(TWO);
    await rollForward();
    await api('POST', `${CHANNEL}/pin`, { reason: 'incident 12' });
    for (const verb of ['start', 'done']) {
      expectProblem(await act(verb, { group: 'prod', force: true }), 409, 'channel_pinned', /incident 12/);
    }
    await api('POST', `${CHANNEL}/unpin`, { reason: 'over' });
    await api('PUT', '/control-planes/main', { version: '16.4.7' });
    expect((await api('PUT', CHANNEL, { controlPlane: 'main' })).status).toBe(200);
    expect((await api('PUT', '/control-planes/main', { version: '16.4.6' })).status).toBe(200);
    await api('PUT', '/control-planes/main', { version: '15.4.0' });
    for (const verb of ['start', 'done']) {
      expectProblem(await act(verb, { group: 'prod', force: true }), 409, 'refused', /16\.4\.7 is refused for stable/);
    }
    expect(await group('prod')).toMatchObject({ state: 'unstarted' });
  });

  it('is skipped where a person says so', async () => {
    const { server, read, rollForward } = await open(TWO);
    const agents = fakeAgents('prod', 2);
    const { body } = await rollForward('16.4.7', { immediate: true });
    expect(body.audit.reason).toBe('a fix (to all groups at once)');
    expect(await read()).toMatchObject({ state: 'done' });
    expect(await poll(server, agents[0] as never)).toBe('16.4.7');
  });
});

describe('the settings of a rollout', () => {
  it.each<[what: string, rollout: object]>([
    ['with another last group', { groups: [...TWO.groups, { name: 'late' }] }],
    ['with a group for agents that had none', { groups: [{ name: 'other' }, ...TWO.groups] }],
    ['that hold agents of no group', { ...TWO, unmatched: 'hold' }],
    [
      'with another name for the group',
      { groups: [TWO.groups[0] as object, { name: 'PROD', match: ['Prod', 'other'] }] },
    ],
  ])('never take agents back that were told the target: %s', async (_, rollout) => {
    const { server, api, read, act, rollForward } = await open(TWO);
    const agents = [...fakeAgents('other', 2), ...fakeAgents('prod', 2), ...fakeAgents('PROD', 1)];
    await rollForward();
    await act('start', { group: 'prod', force: true, skipCanaries: true });
    await pollAll(server, agents);
    await until(async () => expect((await read()).groups[1]).toMatchObject({ wave: 100 }));
    await pollAll(server, agents);
    expect(agents.map(({ version }) => version)).toEqual(Array(5).fill('16.4.7'));
    await until(async () => expect((await api('PUT', CHANNEL, { rollout })).status).toBe(200));
    for (const agent of agents) expect(await poll(server, agent)).toBe('16.4.7');
  });

  it('are kept as they were set, with defaults', async () => {
    const { api } = await open(TWO);
    const { body } = await api('GET', CHANNEL);
    expect(body.rollout.groups[1]).toEqual({
      ...{ name: 'prod', match: ['prod'], canaries: 0, waves: [50, 100], window: null, waitHours: 0 },
      ...{ soak: '0s', alertAfter: '4h' },
      days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
    });
    const exported = (await api('GET', '/export')).body;
    const again = await startServer({});
    const other = operatorClient(again);
    expect((await other('POST', '/apply', exported)).status).toBe(200);
    expect((await other('GET', CHANNEL)).body.rollout).toEqual(body.rollout);
  });

  it.each<[string, object, RegExp]>([
    ['two groups of one name', { groups: [{ name: 'a' }, { name: 'A' }] }, /two groups with the name A/],
    ['one spelling twice', { groups: [{ name: 'a' }, { name: 'b', match: ['A'] }] }, /"a" means the groups a and b/],
    ['a window of no length', { groups: [{ name: 'a', window: { start: '04:00', for: '0h' } }] }, /no length/],
    [
      'no time zone',
      { groups: [{ name: 'a', window: { start: '04:00', for: '1h', timeZone: 'X/Y' } }] },
      /no time zone X\/Y/,
    ],
    ['no time', { groups: [{ name: 'a', window: { start: '25:00', for: '1h' } }] }, /time of day/],
    ['a wave that goes down', { groups: [{ name: 'a', waves: [50, 10, 100] }] }, /10 % does not come after 50 %/],
    ['no percentage', { groups: [{ name: 'a', waves: [0, 100] }] }, /0 is not a percentage/],
    ['waves that do not end', { groups: [{ name: 'a', waves: [10] }] }, /last wave must be 100/],
    ['too many canaries', { groups: [{ name: 'a', canaries: 11 }] }, /0 to 10/],
    ['half a canary', { groups: [{ name: 'a', canaries: 0.5 }] }, /0 to 10/],
    ['no groups', { groups: [] }, /at least one group/],
    ['21 groups', { groups: Array.from({ length: 21 }, (_, n) => ({ name: `g${n}` })) }, /at most 20/],
    ['time without a window', { strategy: 'time-based', groups: [{ name: 'a' }] }, /needs a window/],
  ])('are refused with %s', async (_, rollout, message) => {
    const server = await startServer({ bootstrap: { channels: [{ name: 'x', target: '16.4.6' }] } });
    const reply = await operatorClient(server)('PUT', '/channels/x', { rollout });
    expect(expectProblem(reply, 422, 'invalid').detail).toMatch(message);
  });
});
