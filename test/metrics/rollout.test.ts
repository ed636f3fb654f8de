import { expect, it, vi } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { fakeAgents, pollAll } from '../support/fake-agents.ts';
import { valueIn } from '../support/scrape.ts';
import { operatorClient, startServer } from '../support/server.ts';

it('shows the groups of a rollout, their agents, when they are slow, and that it was halted', async () => {
  const rollout = { groups: [{ name: 'dev', waves: [50, 100], alertAfter: '1h' }, { name: 'prod' }] };
  const server = await startServer({
    fleet: { flushEvery: '10ms' },
    leader: { plansEvery: '10ms' },
    bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', rollout }] },
  });
  const agents = fakeAgents('dev', 4);
  await pollAll(server, agents);
  const api = operatorClient(server);
  await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
  const dev = { channel: 'stable/cloud', group: 'dev' };
  const prod = { channel: 'stable/cloud', group: 'prod' };
  await vi.waitFor(
    async () => {
      const state = 'fairway_rollout_group_state';
      expect(await valueIn(server, state, { ...dev, state: 'active' })).toBe(1);
      expect(await valueIn(server, state, { ...prod, state: 'unstarted' })).toBe(1);
      expect(await valueIn(server, 'fairway_rollout_group_agents', { ...dev, which: 'agents' })).toBe(4);
      const slow = 'fairway_rollout_group_slow_timestamp_seconds';
      expect(await valueIn(server, slow, dev)).toBeGreaterThan(Date.now() / 1_000 + 3_000);
      expect(await valueIn(server, slow, prod)).toBeUndefined();
    },
    { timeout: 10_000 },
  );
});

it('calls no group slow that lasts as long as its window, or whose channel is pinned', async () => {
  const window = { start: new Date(Date.now() - 3_600_000).toISOString().slice(11, 16), for: '4h', timeZone: 'UTC' };
  const group = { name: 'dev', alertAfter: '1s', window };
  const server = await startServer({
    leader: { plansEvery: '10ms' },
    bootstrap: {
      channels: [
        { name: 'timed', target: '16.4.6', rollout: { strategy: 'time-based', groups: [group] } },
        { name: 'waves', target: '16.4.6', rollout: { groups: [{ ...group, waves: [50, 100] }] } },
      ],
    },
  });
  const api = operatorClient(server);
  const slow = (channel: string) => valueIn(server, 'fairway_rollout_group_slow_timestamp_seconds', { channel });
  for (const name of ['timed', 'waves']) {
    await api('POST', `/inventory?channel=${name}&complete=true`, [instance(1, '16.4.6')]);
    await api('POST', `/channels/${name}/roll-forward`, { version: '16.4.7', reason: 'x' });
    const state = async () => (await api('GET', `/channels/${name}/rollout`)).body.groups[0].state;
    await vi.waitFor(async () => expect(await state()).toBe('active'), { timeout: 10_000 });
  }
  expect(await slow('timed')).toBeUndefined();
  expect(await slow('waves')).toEqual(expect.any(Number));
  await api('POST', '/channels/waves/pin', { reason: 'x' });
  expect(await slow('waves')).toBeUndefined();
});
