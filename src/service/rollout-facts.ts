import { type Channel, channelAt, describeHold } from '../domain/channel.ts';
import type { MembershipSettings } from '../domain/membership.ts';
import type { Rollout } from '../domain/rollout.ts';
import { countRollout } from '../domain/rollout-count.ts';
import type { RolloutFacts } from '../domain/rollout-step.ts';
import type { FleetRecords } from '../domain/store.ts';
import { prepareGroupOf } from '../domain/told.ts';
import { ALL_AGENTS } from '../domain/watch.ts';
import type { Fleet } from './fleet.ts';
import type { State } from './state.ts';

export interface RolloutFactsOptions {
  state: Pick<State, 'snapshot'>;
  fleet: Pick<Fleet, 'glance'>;
  store: Pick<FleetRecords, 'agents'>;
  membership: MembershipSettings;
  now: () => Date;
}

/** Gathers what a rollout's next step is decided by, as of now. */
export type GatherRolloutFacts = (channel: Channel, rollout: Rollout) => Promise<RolloutFacts>;

/** Agents read at once. */
const PAGE = 1_000;
/** A count of a channel is used again for this many times as long as it took, so it costs at most a tenth of a core. */
const REST = 9;

interface Known {
  of: Rollout;
  facts: Pick<RolloutFacts, 'counted' | 'groups'>;
  /** Epoch milliseconds until which it is used again. */
  until: number;
}

export function createRolloutFacts({ store, state, fleet, membership, now }: RolloutFactsOptions): GatherRolloutFacts {
  const known = new Map<string, Known>();

  async function count(channel: Channel, rollout: Rollout): Promise<Known['facts']> {
    const groupOf =
      rollout === channel.progress ? prepareGroupOf(channel, membership.groups)?.groupOf : () => ALL_AGENTS;
    if (!groupOf) return { counted: false, groups: new Map() };
    const since = Date.parse(rollout.resumedAt ?? rollout.startedAt);
    const counting = countRollout(channel.name, rollout, groupOf, now().getTime(), since);
    let cursor: string | undefined;
    do {
      const page = await store.agents({ channel: channel.name, limit: PAGE, cursor });
      counting.add(page.agents);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    const { named, groups } = counting.end();
    const { followers } = (await fleet.glance()).population(channel, state.snapshot());
    return { counted: !named && followers > 0, groups };
  }

  return async (channel, rollout) => {
    const { name } = channel;
    const last = known.get(name);
    const began = now().getTime();
    let facts = last?.facts;
    if (!last || !isSame(last.of, rollout) || began >= last.until || !facts) {
      facts = await count(channel, rollout);
      const ended = now().getTime();
      known.set(name, { of: rollout, facts, until: ended + (ended - began) * REST });
    }
    return { ...facts, barred: barredBy(channel, now()) };
  };
}

/** A move without groups is made again at each look. */
const isSame = (a: Rollout, b: Rollout) =>
  a === b ||
  (a.id === b.id &&
    a.startedAt === b.startedAt &&
    a.state === 'done' &&
    b.state === 'done' &&
    a.resumedAt === b.resumedAt);

/** Why no machine moves the channel. */
function barredBy(channel: Channel, at: Date): string | null {
  const { pin } = channelAt(channel, at);
  if (pin) return `pinned by ${pin.by}: ${pin.reason}; to release it: fairway unpin ${channel.name}`;
  return describeHold(channel);
}
