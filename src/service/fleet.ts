import type { Agent, Sighting } from '../domain/agent.ts';
import {
  type CensusPolicy,
  type EvidenceSource,
  highestCounts,
  oldestOf,
  type Population,
  takeCensus,
  total,
} from '../domain/census.ts';
import { type Channel, channelAt } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Instance, isEnrolled, readInstance } from '../domain/inventory.ts';
import { requireChannel, type Stored } from '../domain/snapshot.ts';
import type { AgentPage, AgentQuery, Store } from '../domain/store.ts';
import { compareVersions } from '../domain/version.ts';
import { versionAnswer } from './answers.ts';
import type { Control } from './control.ts';

/** A channel's agents, by source and version. */
export interface Census {
  channel: string;
  /** Agents that fresh evidence knows of, nobody counted twice. */
  agents: number;
  oldest: { version: string; count: number } | null;
  /** Newest version first; where sources differ, the highest count. */
  versions: { version: string; count: number }[];
  sources: {
    source: EvidenceSource;
    complete: boolean;
    fresh: boolean;
    /** Seconds since it was gathered; null where that has no meaning. */
    age: number | null;
    agents: number;
    skipped: number;
    oldest: { version: string; count: number } | null;
    versions: { version: string; count: number }[];
  }[];
}

/** An agent with what its newest sighting says up front. */
export interface AgentView extends Omit<Sighting, 'at'> {
  lastSeen: string;
  sources: (Omit<Sighting, 'id' | 'at'> & { source: string; at: string })[];
}

/** What an agent is told, and why. */
export interface Explanation {
  agent: AgentView;
  channel: string;
  /** The bodies that its next polls get; null where its channel is gone and it gets a 404. */
  told: { version: string; critical: 'yes' | 'no' } | null;
  target: string | null;
  critical: Channel['critical'];
  pin: Channel['pin'];
  plan: null;
  revision: number | null;
  /** The same in one sentence. */
  because: string;
}

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
  /** Forgets agents that no source has seen for `staleAfter`. Returns how many sightings that were. */
  sweep(): Promise<number>;
}

export interface FleetOptions {
  store: Store;
  control: Control;
  policy: CensusPolicy & { staleAfter: number };
  now: () => Date;
}

/** Sightings a call to the store writes; bounds the memory of an import. */
const BATCH = 5_000;

/** What is known of the agents. */
export function createFleet({ store, control, policy, now }: FleetOptions): Fleet {
  async function censuses(channels: Iterable<Channel>): Promise<Census[]> {
    const counts = await store.counts();
    const at = now().getTime();
    return [...channels].map((channel) => viewCensus(channel.name, takeCensus(channel, counts, policy, at)));
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
      const channel = requireChannel(control.snapshot(), name);
      const [census] = await censuses([channel]);
      return census as Census;
    },

    censuses: async () => censuses(control.snapshot().channels.values()),

    async importInventory(name, instances) {
      const channel = requireChannel(control.snapshot(), name).name;
      const at = now().getTime();
      const { sightings, received, skipped } = await readInventory(instances, channel, at);
      const versions = new Map<string, number>();
      for (const { version } of sightings.values()) versions.set(version, (versions.get(version) ?? 0) + 1);
      const survey = { channel, source: 'inventory', at, versions: Object.fromEntries(versions), skipped } as const;
      // The figures count at once. Until every agent behind them is written, check-ins are counted on top of them:
      // rather some agents twice than one of them not at all.
      await store.saveSurvey({ ...survey, settled: false });
      const all = [...sightings.values()];
      for (let done = 0; done < all.length; done += BATCH) {
        await store.recordSightings('inventory', all.slice(done, done + BATCH));
      }
      await store.prune({ inventoryOf: channel, before: at });
      await store.saveSurvey({ ...survey, settled: true });
      return { received, enrolled: sightings.size, skipped, oldest: oldestOf(versions) };
    },

    async agents(query) {
      const page = await store.agents(query);
      return { agents: page.agents.map(viewAgent), cursor: page.cursor };
    },

    agent: requireAgent,

    async explain(id) {
      const agent = await requireAgent(id);
      return explain(agent, control.snapshot().channels.get(agent.channel), now());
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

function viewCensus(channel: string, { evidence, known }: Population): Census {
  const counts = highestCounts(known);
  return {
    channel,
    agents: Math.max(0, ...known.map(total)),
    oldest: oldestOf(counts),
    versions: newestFirst(counts),
    sources: evidence.map(({ versions, ...source }) => {
      return { ...source, agents: total(versions), oldest: oldestOf(versions), versions: newestFirst(versions) };
    }),
  };
}

const newestFirst = (counts: ReadonlyMap<string, number>) =>
  [...counts].sort(([a], [b]) => compareVersions(b, a)).map(([version, count]) => ({ version, count }));

function viewAgent({ id, sightings }: Agent): AgentView {
  const [newest] = sightings;
  if (!newest) throw new Error(`agent ${id} has no sighting`);
  const { source: _, at, ...latest } = newest;
  return {
    ...latest,
    lastSeen: new Date(at).toISOString(),
    sources: sightings.map(({ id: _, at, ...sighting }) => ({ ...sighting, at: new Date(at).toISOString() })),
  };
}

function explain(agent: AgentView, stored: Stored<Channel> | undefined, at: Date): Explanation {
  if (!stored) {
    const because = `channel ${agent.channel} does not exist any more, so the agent is answered 404 and stays where it is`;
    return {
      agent,
      channel: agent.channel,
      told: null,
      target: null,
      critical: null,
      pin: null,
      plan: null,
      revision: null,
      because,
    };
  }
  const channel = channelAt(stored, at);
  const { target, critical, pin } = channel;
  const told = { version: versionAnswer(channel), critical: critical ? ('yes' as const) : ('no' as const) };
  return {
    agent,
    channel: channel.name,
    told,
    target,
    critical,
    pin,
    plan: null,
    revision: stored.revision,
    because: because(agent, channel),
  };
}

function because(agent: AgentView, { name, target, critical, pin, updatedBy, updatedAt }: Channel): string {
  if (target === null)
    return `${name} was withdrawn by ${updatedBy} at ${updatedAt}, so the agent stays at ${agent.version}`;
  const order = compareVersions(agent.version, target);
  const move =
    order === 0
      ? 'is at the target'
      : order < 0
        ? `is behind and moves up to ${target}`
        : `is ahead and moves back to ${target}`;
  const pinned = pin ? `; the target is pinned by ${pin.by}: ${pin.reason}` : '';
  const urgent = critical
    ? `; it is critical, so agents need not wait for their maintenance window: ${critical.reason}`
    : '';
  return `the agent follows ${name} and ${move}${pinned}${urgent}`;
}
