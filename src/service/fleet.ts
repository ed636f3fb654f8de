import { type CensusChannel, type CensusPolicy, type Population, takeCensus } from '../domain/census.ts';
import { FairwayError } from '../domain/errors.ts';
import type { FleetCounts } from '../domain/fleet-counts.ts';
import { listen, silenceBounds } from '../domain/hearing.ts';
import type { Actor } from '../domain/role.ts';
import { requireChannel, type Snapshot } from '../domain/snapshot.ts';
import type { AgentPage, AgentQuery, FleetRecords } from '../domain/store.ts';
import { type Census, viewCensus } from './census-view.ts';
import { type AgentView, type Explanation, explainAgent, viewAgent } from './explain.ts';
import { shareReads } from './shared-read.ts';
import type { State } from './state.ts';

export interface Fleet {
  /**
   * What is known of a channel's agents; `snapshot` says which channels share a cluster, by default the present one.
   */
  population(channel: CensusChannel, snapshot?: Snapshot): Promise<Population>;
  census(channel: string): Promise<Census>;
  censuses(): Promise<Census[]>;
  /** Throws `not_found` for a channel that does not exist. */
  agents(query: AgentQuery): Promise<{ agents: AgentView[]; cursor: AgentPage['cursor'] }>;
  agent(id: string): Promise<AgentView>;
  explain(id: string): Promise<Explanation>;
  /** Forgets one agent. Throws `not_found`. */
  forget(id: string, input: { reason?: string | undefined }, actor: Actor): Promise<void>;
  /**
   * Forgets agents that were silent for `staleAfter` while the rest of their channel was heard. Returns how many
   * sightings that were.
   */
  sweep(fence: number): Promise<number>;
}

export interface FleetPolicy extends CensusPolicy {
  /** Milliseconds of its own silence after which an agent that checks in by itself is forgotten. */
  staleAfter: number;
}

export interface FleetOptions {
  store: FleetRecords;
  state: Pick<State, 'snapshot' | 'commit'>;
  policy: FleetPolicy;
  now: () => Date;
}

/** What is known of the agents. */
export function createFleet({ store, state, policy, now }: FleetOptions): Fleet {
  // The counts of a large fleet take a while to read; callers of one moment share them.
  const counts = shareReads(() => store.counts());

  function take(channel: CensusChannel, figures: FleetCounts, { channels }: Snapshot): Population {
    const planeOf = (name: string) => channels.get(name)?.controlPlane ?? null;
    return takeCensus(channel, figures, policy, now().getTime(), planeOf);
  }

  async function censuses(channels: Iterable<CensusChannel & { name: string }>): Promise<Census[]> {
    const figures = await counts();
    const snapshot = state.snapshot();
    return [...channels].map((channel) => viewCensus(channel, take(channel, figures, snapshot), snapshot.releases));
  }

  async function requireAgent(id: string) {
    const agent = await store.agent(id);
    if (agent) return agent;
    throw new FairwayError(
      'not_found',
      `no agent ${id} is known: it has not checked in, or was silent for too long, or no inventory lists it; find agents with: fairway agents`,
    );
  }

  return {
    population: async (channel, snapshot = state.snapshot()) => take(channel, await counts(), snapshot),

    async census(name) {
      const channel = requireChannel(state.snapshot(), name);
      const [census] = await censuses([channel]);
      return census as Census;
    },

    censuses: async () => censuses(state.snapshot().channels.values()),

    async agents(query) {
      if (query.channel !== undefined) requireChannel(state.snapshot(), query.channel);
      const page = await store.agents(query);
      return { agents: page.agents.map(viewAgent), cursor: page.cursor };
    },

    agent: async (id) => viewAgent(await requireAgent(id)),

    async explain(id) {
      const agent = await requireAgent(id);
      return explainAgent(agent, state.snapshot(), now());
    },

    async forget(id, { reason = '' }, actor) {
      const agent = viewAgent(await requireAgent(id));
      await store.forget(id);
      const { channel, version, lastSeen } = agent;
      await state.commit([], {
        at: now().toISOString(),
        actor: actor.name,
        action: 'forget-agent',
        subject: `agent/${id}`,
        reason,
        before: { channel, version, lastSeen },
        after: null,
      });
    },

    async sweep(fence) {
      const at = now().getTime();
      const { latest } = await counts();
      const hearing = listen(await store.hearing(), latest, at, policy.staleAfter);
      await store.saveHearing(hearing, fence);
      return store.prune({
        checkIns: silenceBounds(hearing, at, policy.staleAfter),
        unenrolledBefore: at - policy.staleAfter,
      });
    },
  };
}
