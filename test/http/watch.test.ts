import { describe, expect, it, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { createPerson } from '../dashboard/person.ts';
import { type FakeAgent, fakeAgents, poll, pollAll } from '../support/fake-agents.ts';
import { body, startPeer } from '../support/peer.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';
import { authMetrics } from '../support/teleport.ts';
import { expectProblem } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000 });

async function open(channel: Raw) {
  let ahead = 0;
  const server = await startServer(
    {
      fleet: { flushEvery: '10ms' },
      leader: { plansEvery: '10ms' },
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', ...channel }] },
    },
    { now: () => new Date(Date.now() + ahead) },
  );
  const api = operatorClient(server);
  const read = async () => (await api('GET', CHANNEL)).body;
  const post = (verb: string, body: object = {}) => api('POST', `${CHANNEL}/${verb}`, { reason: 'test', ...body });
  const later = (ms: number) => {
    ahead += ms;
  };
  return { server, api, read, post, later };
}

// biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
const GO_BACK = { then: 'roll-back' };

/** Agents take the new version and go back to the old one, as updaters do when it crashes. */
async function crash(server: TestServer, agents: FakeAgent[], to = '16.4.7', from = '16.4.6'): Promise<void> {
  for (const version of [to, from]) {
    for (const agent of agents) agent.version = version;
    await Promise.all(agents.map((agent) => poll(server, agent)));
    // The two versions must not be merged into one report.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

describe('the watch', () => {
  it('halts a move without groups whose agents go back, holds the channel, and counts anew once it is let go', async () => {
    const { server, read, post, api } = await open({});
    const agents = fakeAgents('dev', 10);
    await pollAll(server, agents);
    await post('roll-forward', { version: '16.4.7' });
    await crash(server, agents.slice(0, 4));
    await until(async () =>
      expect((await read()).hold).toMatchObject({
        by: 'system:watch',
        reason: expect.stringMatching(/4 agents of \d+ that were told went back by themselves \(limit 2%\): .*dev-/),
      }),
    );
    const find = JSON.parse((await ask(server.publicUrl, '/webapi/find?group=default')).body);
    expect(find.auto_update).toMatchObject({ agent_version: '16.4.7', agent_auto_update: false });
    const [entry] = (await api('GET', `${CHANNEL}/history`)).body.entries;
    expect(entry).toMatchObject({ action: 'halt', actor: 'system:watch' });

    expect((await post('release')).body.channel.hold).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await read()).hold).toBeNull();
  });

  it('does not halt for two agents, nor for those that went back before', async () => {
    const { server, read, post } = await open({});
    const agents = fakeAgents('dev', 10);
    await pollAll(server, agents);
    await post('roll-forward', { version: '16.4.7' });
    await crash(server, agents.slice(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await read()).hold).toBeNull();
  });

  it('halts a rollout, tells nobody new, and goes on when a person resumes it', async () => {
    const { server, read, api, post } = await open({ rollout: { groups: [{ name: 'dev', waves: [50, 100] }] } });
    const agents = fakeAgents('dev', 20);
    await pollAll(server, agents);
    await post('roll-forward', { version: '16.4.7' });
    const rollout = async () => (await api('GET', `${CHANNEL}/rollout`)).body;
    await until(async () => expect((await rollout()).groups[0]).toMatchObject({ state: 'active', wave: 50 }));
    await pollAll(server, agents);
    const told = agents.filter(({ version }) => version === '16.4.7');
    await crash(server, told.slice(0, 3));
    await until(async () => expect(await rollout()).toMatchObject({ state: 'halted', halted: { by: 'system:watch' } }));
    expect((await rollout()).halted.reason).toMatch(/3 agents of \d+ that were told went back/);
    expect((await read()).hold).toMatchObject({ by: 'system:watch' });
    const person = createPerson(server);
    await person.signIn();
    const [present = '', history] = (await person.get(CHANNEL)).text.split('<h2>History</h2>');
    expect(history).toBeDefined();
    expect(present.split('that were told went back'), 'the reason stands once before the history').toHaveLength(2);
    await pollAll(server, agents);
    expect(agents.filter(({ version }) => version === '16.4.7')).toHaveLength(told.length);
    expect((await post('rollout/resume')).body.rollout).toMatchObject({ state: 'active', halted: null });
    expect((await read()).hold).toBeNull();
  });

  it('takes a move back through the gate where the channel says so, and holds it there', async () => {
    const { server, read, post, api } = await open({ watch: GO_BACK });
    const agents = fakeAgents('dev', 10);
    await pollAll(server, agents);
    await post('roll-forward', { version: '16.4.7' });
    await crash(server, agents.slice(0, 5));
    await until(async () => expect(await read()).toMatchObject({ target: '16.4.6', hold: { by: 'system:watch' } }));
    const { entries } = (await api('GET', `${CHANNEL}/history`)).body;
    expect(entries.slice(0, 2).map(({ action }: { action: string }) => action)).toEqual(['roll-back', 'halt']);
  });

  it('halts when agents fall silent while the others are heard', async () => {
    const { server, read, post, api, later } = await open({});
    const agents = fakeAgents('dev', 20);
    await pollAll(server, agents);
    await until(async () => expect((await api('GET', '/agents')).body.agents).toHaveLength(20));
    await post('roll-forward', { version: '16.4.7' });
    for (let minutes = 0; minutes <= 40 && (await read()).hold === null; minutes += 8) {
      later(8 * 60_000);
      await pollAll(server, agents.slice(4));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await until(async () => expect((await read()).hold?.reason).toMatch(/4 agents of 20 fell silent \(limit 10%\)/));
  });

  it('halts when updaters report errors, and shows which', async () => {
    const { read, post, api } = await open({});
    const report = (failing: number) =>
      api(
        'POST',
        '/inventory?channel=stable%2Fcloud&complete=true',
        Array.from({ length: 20 }, (_, nth) => ({
          kind: 'instance',
          metadata: { name: `agent-${nth}` },
          spec: {
            version: '16.4.6',
            hostname: `host-${nth}`,
            last_seen: new Date().toISOString(),
            // An updater that had failed before the move says nothing about it.
            updater_info: { update_group: 'dev', updater_status: 1, error_code: nth < failing ? 2 : 0 },
          },
        })),
      );
    expect((await report(2)).status).toBe(200);
    await post('roll-forward', { version: '16.4.7' });
    await until(async () =>
      expect((await api('GET', '/audit?limit=1')).body.entries[0]).toMatchObject({ action: 'watch' }),
    );
    await report(4);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await read()).hold).toBeNull();
    await report(5);
    await until(async () =>
      expect((await read()).hold?.reason).toMatch(/^3 agents of 20 have an updater that fails \(limit 5%\): host-0/),
    );

    const census = (await api('GET', '/census?channel=stable%2Fcloud')).body;
    expect(census.updaterStates).toEqual({ pinned: 0, disabled: 0, unreadable: 0, failing: 5 });
    const { agents } = (await api('GET', '/agents?channel=stable%2Fcloud&mark=failing')).body;
    expect(agents).toHaveLength(5);
    expect(agents[0]).toMatchObject({ updaterState: 'failing', updaterError: 2 });
    const { because } = (await api('GET', '/agents/agent-0/explain')).body;
    expect(because).toMatch(/its updater ended the last update with error 2, so it may not move; see teleport-update/);
  });

  it('says in the census, in the rollout and on the page what it cannot see where only counts are known', async () => {
    const auth = await startPeer(body(authMetrics({ '16.4.6': 5 })));
    const server = await startServer({
      leader: { plansEvery: '10ms' },
      sources: { every: '30ms', timeout: '1s', metrics: { grouped: [auth.url], plain: [auth.url] } },
      bootstrap: {
        channels: [
          { name: 'plain', target: '16.4.6' },
          { name: 'grouped', target: '16.4.6', rollout: { groups: [{ name: 'dev', canaries: 2 }] } },
        ],
      },
    });
    const api = operatorClient(server);
    const blind = [
      expect.stringMatching(/^agents that go back or fall silent, because no source names them; import an inventory/),
      'updaters that fail, because only inventories report them',
    ];
    for (const name of ['plain', 'grouped']) {
      await until(async () => expect((await api('GET', `/census?channel=${name}`)).body.agents).toBe(5));
      await api('POST', `/channels/${name}/roll-forward`, { version: '16.4.7', reason: 'test' });
      expect((await api('GET', `/census?channel=${name}`)).body.watch).toMatchObject({ sees: [], blind });
    }
    await until(async () => expect((await api('GET', '/channels/grouped/rollout')).body.state).toBe('done'));
    expect((await api('GET', '/channels/grouped/rollout')).body.watch).toMatchObject({ blind });
    const person = createPerson(server);
    await person.signIn();
    const { text } = await person.get('/channels/plain');
    expect(text).toContain('Not watched after the last move: agents that go back');
  });

  it('looks away when its time is over', async () => {
    const { server, read, post } = await open({ watch: { for: '0s' } });
    const agents = fakeAgents('dev', 10);
    await pollAll(server, agents);
    await post('roll-forward', { version: '16.4.7' });
    await crash(server, agents);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await read()).hold).toBeNull();
  });

  it.each<[string, object, RegExp]>([
    ['a share above all', { maxReverted: '200%' }, /maxReverted: expected a percentage/],
    ['no share', { maxFailed: 'few' }, /maxFailed: expected a percentage/],
    ['no duration', { for: 'long' }, /for: expected a duration/],
    ['two conditions of one name', { conditions: [1, 2].map(() => ({ name: 'a', query: 'up' })) }, /two conditions/],
  ])('refuses settings with %s', async (_, watch, message) => {
    const { api } = await open({});
    const reply = await api('PUT', CHANNEL, { watch });
    expect(reply.status).toBe(422);
    expect(reply.body.detail).toMatch(message);
  });
});

describe('a stage of a promotion', () => {
  const settings = { fleet: { flushEvery: '10ms' }, leader: { plansEvery: '10ms' }, defaultChannel: 'stable/cloud' };
  const stages = [openStage('canary', { channels: ['stable/cloud'] }), openStage('internal')];

  /** A stage that soaks until half of its agents go back: the watch halts it at three of them, or once it sees more. */
  async function startHalted() {
    const started = await startStages(stages, settings);
    const agents = fakeAgents('dev', 10, '16.4.7');
    await pollAll(started.server, agents);
    await started.register();
    await started.until('canary', 'soaking');
    await crash(started.server, agents.slice(0, 5), RELEASE, '16.4.7');
    await started.until('canary', 'halted');
    return started;
  }

  it('is halted by the watch while it soaks, with the reason, and goes no further', async () => {
    const { read } = await startHalted();
    const [canary] = (await read()).stages;
    expect(canary.halted).toMatchObject({
      by: 'system:watch',
      reason: expect.stringMatching(/stable\/cloud: [345] agents/),
    });
  });

  it('is not resumed while the watch holds its channel, and does not halt the fix that comes after it', async () => {
    const { api, register, act, until: untilStage, read } = await startHalted();
    for (const dryRun of [true, false]) {
      expectProblem(
        await act('resume', { dryRun }),
        409,
        'refused',
        /^stage canary would be halted again: stable\/cloud is held by system watch: [345] agents .* to go back: .* to go on anyway: fairway release stable\/cloud$/,
      );
    }
    await register(FIX);
    await until(async () =>
      expect((await read(FIX)).next).toMatch(/stable\/cloud: held by system watch: [345] agents/),
    );
    expect((await read(FIX)).stages[0].state).toBe('rolling');
    expect((await api('GET', CHANNEL)).body.target).toBe(RELEASE);
    expect((await api('POST', `${CHANNEL}/release`, { reason: 'the fix is out' })).status).toBe(200);
    await untilStage('canary', 'soaking', FIX);
    await untilStage('canary', 'superseded');
  });

  it('is resumed once its channel is let go, and soaks anew', async () => {
    const { api, act, until: untilStage } = await startHalted();
    await api('POST', `${CHANNEL}/release`, { reason: 'it was the disk image' });
    expect((await act('resume', { dryRun: true })).body.stages[0]).toMatchObject({ state: 'soaking' });
    expect((await act('resume')).body.stages[0]).toMatchObject({ state: 'soaking' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await untilStage('canary', 'soaking');
  });

  it('is rolling until the rollout of its channels is done', async () => {
    const rollout = { groups: [{ name: 'dev', waves: [50, 100] }] };
    const { server, api, register, until: untilStage, read } = await startStages(stages, settings);
    await operatorClient(server)('PUT', CHANNEL, { rollout });
    const agents = fakeAgents('dev', 10, '16.4.7');
    await pollAll(server, agents);
    await register();
    await until(async () => expect((await read()).next).toContain('the rollout of stable/cloud to'));
    await until(async () => {
      await pollAll(server, agents);
      expect((await api('GET', `${CHANNEL}/rollout`)).body.state).toBe('done');
    });
    await untilStage('canary', 'soaking');
  });
});
