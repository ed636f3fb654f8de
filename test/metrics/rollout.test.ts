import { expect, it, vi } from 'vitest';
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
