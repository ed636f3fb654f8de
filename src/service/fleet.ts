import type { Sighting } from '../domain/agent.ts';
import { type CensusPolicy, oldestOf, type Population, type Survey, takeCensus } from '../domain/census.ts';
import type { Channel } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Instance, isEnrolled, readInstance } from '../domain/inventory.ts';
import { requireChannel } from '../domain/snapshot.ts';
import { type AgentPage, type AgentQuery, type FleetRecords, OTHER_GROUP } from '../domain/store.ts';
import { type Census, viewCensus } from './census-view.ts';
import { type AgentView, type Explanation, explainAgent, viewAgent } from './explain.ts';
import type { State } from './state.ts';

export interface InventoryResult {
  received: number;
  enrolled: number;
  skipped: number;
  oldest: { version: string; count: number } | null;
}

export interface Fleet {
  population(channel: Channel): Promise<Population>;
  census(channel: string): Promise<Census>;
  censuses(): Promise<Census[]>;
  /** Replaces what the inventory says of a channel. Throws `invalid` for an empty one. */
  importInventory(channel: string, instances: AsyncIterable<Instance>): Promise<InventoryResult>;
  agents(query: AgentQuery): Promise<{ agents: AgentView[]; cursor: AgentPage['cursor'] }>;
  agent(id: string): Promise<AgentView>;
  explain(id: string): Promise<Explanation>;
  forget(id: string): Promise<void>;
  /**
   * Forgets agents that no source has seen for `staleAfter`. Returns how many sightings that were. It needs no fence: a
   * sighting that is too old stays so, and the store looks at its time again, so a leader that slept and goes on forgets
   * nothing that the next one would keep.
   */
  sweep(): Promise<number>;
}

export interface FleetOptions {
  store: FleetRecords;
  state: State;
  policy: CensusPolicy & { staleAfter: number };
  now: () => Date;
}

/** Sightings a call to the store writes; bounds the memory of an import. */
const BATCH = 5_000;

/** What is known of the agents. */
export function createFleet({ store, state, policy, now }: FleetOptions): Fleet {
  async function censuses(channels: Iterable<Channel>): Promise<Census[]> {
    const counts = await store.counts();
    const at = now().getTime();
    const { releases } = state.snapshot();
    return [...channels].map((channel) => viewCensus(channel, takeCensus(channel, counts, policy, at), releases));
  }

  async function requireAgent(id: string): Promise<AgentView> {
    const agent = await store.agent(id);
    if (agent) return viewAgent(agent);
    throw new FairwayError('not_found', `no agent ${id} is known; it may not have checked in, or not for too long`);
  }

  return {
    async population(channel) {
      return takeCensus(channel, await store.counts(), policy, now().getTime());
    },

    async census(name) {
      const channel = requireChannel(state.snapshot(), name);
      const [census] = await censuses([channel]);
      return census as Census;
    },

    censuses: async () => censuses(state.snapshot().channels.values()),

    async importInventory(name, instances) {
      const channel = requireChannel(state.snapshot(), name).name;
      const at = now().getTime();
      const { sightings, received, skipped } = await readInventory(instances, channel, at);
      const survey = { ...surveyOf([...sightings.values()]), channel, source: 'inventory', at, skipped } as const;
      // The figures count at once. Until every agent behind them is written, check-ins are counted on top of them:
      // rather some agents twice than one of them not at all.
      await store.saveSurvey({ ...survey, settled: false });
      const all = [...sightings.values()];
      for (let done = 0; done < all.length; done += BATCH) {
        await store.recordSightings('inventory', all.slice(done, done + BATCH));
      }
      await store.prune({ inventoryOf: channel, before: at });
      await store.saveSurvey({ ...survey, settled: true });
      return {
        received,
        enrolled: sightings.size,
        skipped,
        oldest: oldestOf(new Map(Object.entries(survey.versions))),
      };
    },

    async agents(query) {
      const page = await store.agents(query);
      return { agents: page.agents.map(viewAgent), cursor: page.cursor };
    },

    agent: requireAgent,

    async explain(id) {
      const agent = await requireAgent(id);
      return explainAgent(agent, state.snapshot().channels.get(agent.channel), now());
    },

    async forget(id) {
      if (!(await store.forget(id))) await requireAgent(id);
    },

    sweep: () => store.prune({ before: now().getTime() - policy.staleAfter }),
  };
}

async function readInventory(instances: AsyncIterable<Instance>, channel: string, at: number) {
  const sightings = new Map<string, Sighting>();
  let received = 0;
  let skipped = 0;
  for await (const instance of instances) {
    received++;
    if (!isEnrolled(instance)) continue;
    const sighting = readInstance(instance, channel, at);
    if (sighting) sightings.set(sighting.id, sighting);
    else skipped++;
  }
  // A cluster's own auth and proxy servers are in its inventory, so an empty one is a failed export, not evidence.
  if (received === 0) {
    throw new FairwayError(
      'invalid',
      'the inventory is empty, which not even a cluster without agents is; check what tctl printed and may list',
    );
  }
  return { sightings, received, skipped };
}

/** Groups of an inventory that are counted by name. */
const MAX_GROUPS = 100;

/** The agents by version, group and updater kind. */
function surveyOf(sightings: Sighting[]): Pick<Survey, 'versions' | 'groups' | 'updaters'> {
  const [versions, groups, updaters] = [
    new Map<string, number>(),
    new Map<string, number>(),
    new Map<string, number>(),
  ];
  const add = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const { version, group, updater } of sightings) {
    add(versions, version);
    if (updater) add(updaters, updater);
    if (group) add(groups, groups.has(group) || groups.size < MAX_GROUPS ? group : OTHER_GROUP);
  }
  const [byVersion, byGroup, byUpdater] = [versions, groups, updaters].map(Object.fromEntries);
  return { versions: byVersion, groups: byGroup, updaters: byUpdater };
}
