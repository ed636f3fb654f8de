import { type CensusChannel, type CensusPolicy, type Population, takeCensus } from '../domain/census.ts';
import { type Channel, servedUntil } from '../domain/channel.ts';
import { derivedOnce } from '../domain/derived.ts';
import { FairwayError } from '../domain/errors.ts';
import { arrangeCounts, type FleetFigures, type PlaneOf } from '../domain/fleet-figures.ts';
import { listen, silenceBounds } from '../domain/hearing.ts';
import { type MembershipSettings, prepareMembership } from '../domain/membership.ts';
import { type Page, type PageQuery, pageByName, sortedBy } from '../domain/page.ts';
import type { Actor } from '../domain/role.ts';
import { requireChannel, type Snapshot } from '../domain/snapshot.ts';
import type { AgentPage, AgentQuery, FleetRecords } from '../domain/store.ts';
import { leadingRollout } from '../domain/told.ts';
import { watchScope } from '../domain/watch-scope.ts';
import { inSlices, nextTurn } from '../process/turns.ts';
import { type Census, viewCensus } from './census-view.ts';
import { type AgentView, type Explanation, explainAgent, viewAgent, type Waits } from './explain.ts';
import type { State } from './state.ts';

/** What is known of all agents at one moment; any number of channels can be judged by it. */
export interface FleetReading {
  /** What is known of a channel's agents; `snapshot` says which channels share a cluster. */
  population(channel: CensusChannel, snapshot: Snapshot): Population;
}

export interface Fleet {
  /**
   * Reads what is known now, for a decision: everything that was recorded before the call is in it. Those who ask at the
   * same time share one read of the store.
   */
  read(): Promise<FleetReading>;
  /** What was known within the last second, for those who only look; changes by this server are always in it. */
  glance(): Promise<FleetReading>;
  census(channel: string): Promise<Census>;
  /** Of every channel; those who ask within a second share the answer. */
  censuses(): Promise<readonly Census[]>;
  /** Of a page of channels, by name. */
  censusPage(query: PageQuery): Promise<Page<Census>>;
  /** Throws `not_found` for a channel that does not exist. */
  agents(query: AgentQuery): Promise<{ agents: AgentView[]; cursor: AgentPage['cursor'] }>;
  agent(id: string): Promise<AgentView>;
  /** `waitsOf` says what the groups of a channel's rollout wait for. */
  explain(id: string, waitsOf?: (channel: string) => Promise<Waits>): Promise<Explanation>;
  /** Forgets one agent. Throws `not_found`. */
  forget(id: string, input: { reason: string }, actor: Actor): Promise<void>;
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
  state: Pick<State, 'snapshot' | 'commit' | 'isWithheld'>;
  policy: FleetPolicy;
  membership: MembershipSettings;
  now: () => Date;
}

/** Milliseconds for which those who only look share a reading. */
const MOMENT = 1_000;

/** What is known of the agents. */
export function createFleet({ store, state, policy, membership, now }: FleetOptions): Fleet {
  const arranged = derivedOnce(arrangeCounts);
  // One function for each snapshot, since figures are arranged by it.
  const planeOf = derivedOnce(
    (channels: Snapshot['channels']): PlaneOf =>
      (name) =>
        channels.get(name)?.controlPlane ?? null,
  );
  const resolve = derivedOnce((channels: Snapshot['channels']) => prepareMembership(channels, membership));
  const channelOf = ({ channel }: Census) => channel;
  const sorted = derivedOnce((all: readonly Census[]) => sortedBy(all, channelOf));
  let taken: { figures: FleetFigures; snapshot: Snapshot; second: number; all: Promise<readonly Census[]> } | null =
    null;

  const figuresOf = async (within?: number): Promise<FleetFigures> => arranged(await store.counts(within));

  function readingOf(figures: FleetFigures): FleetReading {
    return {
      population(channel, { channels }) {
        const at = now();
        const served = servedUntil(channel, at);
        const counted = served === channel.served ? channel : { ...channel, served };
        return takeCensus(counted, figures, policy, at.getTime(), planeOf(channels), resolve(channels));
      },
    };
  }

  function takeOne(figures: FleetFigures, channel: Channel, snapshot: Snapshot): Census {
    const plane = snapshot.controlPlanes.get(channel.controlPlane ?? '');
    const population = readingOf(figures).population(channel, snapshot);
    const watch = watchScope(channel, population, plane?.version ?? null, now());
    return viewCensus(channel, population, snapshot.releases, plane, watch);
  }

  async function allCensuses(): Promise<readonly Census[]> {
    const figures = await figuresOf(MOMENT);
    const snapshot = state.snapshot();
    // Ages are given in seconds.
    const second = Math.floor(now().getTime() / 1_000);
    if (taken?.figures !== figures || taken.snapshot !== snapshot || taken.second !== second) {
      const all = inSlices(snapshot.channels.values(), (channel) => takeOne(figures, channel, snapshot));
      taken = { figures, snapshot, second, all };
    }
    return taken.all;
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
    read: async () => readingOf(await figuresOf()),
    glance: async () => readingOf(await figuresOf(MOMENT)),

    async census(name) {
      requireChannel(state.snapshot(), name);
      const figures = await figuresOf(MOMENT);
      const snapshot = state.snapshot();
      return takeOne(figures, requireChannel(snapshot, name), snapshot);
    },

    censuses: allCensuses,

    async censusPage(query) {
      const all = await allCensuses();
      // Those who waited for the same reading go on one after the other.
      await nextTurn();
      return pageByName(sorted(all), channelOf, query);
    },

    async agents(query) {
      if (query.channel !== undefined) requireChannel(state.snapshot(), query.channel);
      const page = await store.agents(query);
      return { agents: page.agents.map(viewAgent), cursor: page.cursor };
    },

    agent: async (id) => viewAgent(await requireAgent(id)),

    async explain(id, waitsOf) {
      const agent = await requireAgent(id);
      const snapshot = state.snapshot();
      const channel = snapshot.channels.get(viewAgent(agent).channel);
      const waits = waitsOf && channel && leadingRollout(channel) ? await waitsOf(channel.name) : new Map();
      return explainAgent(agent, snapshot, now(), membership.groups, waits, state.isWithheld());
    },

    async forget(id, { reason }, actor) {
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
      const { latest } = await store.counts();
      const hearing = listen(await store.hearing(), latest, at, policy.staleAfter);
      await store.saveHearing(hearing, fence);
      return store.prune({
        checkIns: silenceBounds(hearing, at, policy.staleAfter),
        unenrolledBefore: at - policy.staleAfter,
      });
    },
  };
}
