import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { type FakeAgent, fakeAgents, poll, pollAll } from './fake-agents.ts';
import { type FairwayProcess, startFairway } from './process.ts';
import { QUICKSTART } from './server.ts';
import { makeWorkplace } from './workplace.ts';

const PAGE = 'docs/rollouts.md';
const CHANNEL = '/channels/stable%2Fcloud';
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 50 });

interface Place {
  dir: string;
  server: FairwayProcess;
  env: Record<string, string>;
}

/** The fleet of docs/rollouts.md, whose agents follow what they are told. */
export function rolloutPage() {
  let server: FairwayProcess;
  const dev = fakeAgents('dev', 10);
  const prod = fakeAgents('prod', 150);
  const all = [...dev, ...prod];

  const rollout = async () => (await server.api('GET', `${CHANNEL}/rollout`)).body;
  const groupIs = async (nth: number, state: object) => {
    const { groups, next } = await rollout();
    expect(groups[nth], next).toMatchObject(state);
  };

  /** Agents follow until something is so. */
  const follow = (agents: FakeAgent[], isSo: () => Promise<void>) =>
    until(async () => {
      await pollAll(server, agents);
      await isSo();
    });

  /** Agents that are told the version install it and go back by themselves, until something is so. */
  const crash = (agents: FakeAgent[], version: string, isSo: () => Promise<void>) =>
    until(async () => {
      for (const agent of agents) {
        const before = agent.version;
        if ((await poll(server, agent)) !== version) continue;
        await poll(server, { ...agent, version });
        // The two versions must not be merged into one report.
        await new Promise((resolve) => setTimeout(resolve, 60));
        await poll(server, { ...agent, version: before });
      }
      await isSo();
    });

  return {
    async begin(): Promise<Place> {
      const { dir, path } = makeWorkplace();
      for (const [, name = '', content = ''] of readFileSync(PAGE, 'utf8').matchAll(
        /^```yaml\n# (\S+)\n(.*?)^```$/gms,
      )) {
        writeFileSync(join(dir, name), content);
      }
      server = await startFairway({
        dir,
        settings: {
          ...QUICKSTART,
          fleet: { flushEvery: '10ms', contestedFor: '1s', enrolment: { mode: 'open' } },
          leader: { plansEvery: '50ms' },
          bootstrap: {
            controlPlanes: { main: '16.4.9' },
            channels: [{ name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' }],
          },
        },
      });
      await pollAll(server, all);
      await until(async () =>
        expect((await server.api('GET', '/census?channel=stable%2Fcloud')).body.agents).toBe(all.length),
      );
      return { dir, server, env: { PATH: path, TZ: 'UTC' } };
    },
    before: {
      2: () => until(() => groupIs(0, { state: 'canary' })),
      4: () => follow(dev, () => groupIs(1, { state: 'active' })),
      5: () => follow(all, async () => expect((await rollout()).state).toBe('done')),
      7: () => crash(dev, '16.4.8', async () => expect((await rollout()).state).toBe('halted')),
      12: async () => {
        await follow(dev, () => groupIs(1, { state: 'active' }));
        await crash(prod, '16.4.9', async () => expect((await rollout()).state).toBe('rolledback'));
      },
    },
  };
}
