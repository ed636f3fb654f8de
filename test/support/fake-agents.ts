import { ask } from '../http/wire.ts';
import type { TestServer } from './server.ts';

/** An updater that says who it is when it asks, and then runs what it was told. */
export interface FakeAgent {
  id: string;
  group: string;
  version: string;
}

/** Agents of one group, whose ids begin with its name. */
export const fakeAgents = (group: string, count: number, version = '16.4.6'): FakeAgent[] =>
  Array.from({ length: count }, (_, nth) => ({ id: `${group}-${nth}`, group, version }));

/** What the agent is told, without its prefix. */
export async function poll(
  { publicUrl }: Pick<TestServer, 'publicUrl'>,
  { id, group, version }: FakeAgent,
  channel = 'stable/cloud',
): Promise<string> {
  const headers = [`Agent-Id: ${id}`, `Agent-Version: ${version}`, `Agent-Group: ${group}`];
  return (await ask(publicUrl, `/v1/${channel}/version`, { headers })).body.replace(/^v/, '');
}

/** All agents ask once and follow, but for those that `fails` names: they stay where they are. */
export async function pollAll(
  server: Pick<TestServer, 'publicUrl'>,
  agents: readonly FakeAgent[],
  fails: (agent: FakeAgent) => boolean = () => false,
  channel?: string,
): Promise<void> {
  await Promise.all(
    agents.map(async (agent) => {
      const told = await poll(server, agent, channel);
      if (told !== 'none' && !fails(agent)) agent.version = told;
    }),
  );
}
