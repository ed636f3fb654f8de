/** The channel that serves an agent, and its group there. */
export interface Membership {
  channel: string;
  /** False where the name of the group leads nowhere, so that the agent belongs to the default channel. */
  mapped: boolean;
  /** Does the group lead to the channel by a mapping or by its name? False where it names nothing, too. */
  named: boolean;
  group: string | null;
}

/** Where the settings send the agents of a group. */
export interface GroupTarget {
  channel: string;
  /** The group's name there; unset: as the agent spells it. */
  group?: string | undefined;
}

export interface MembershipSettings {
  /** The channel of agents that name none. */
  defaultChannel: string;
  /** By the spelling that agents use. */
  groups: Readonly<Record<string, GroupTarget>>;
}

/** The group that updaters name if none is set. */
const DEFAULT_GROUP = 'default';

/** The channel that a group's agents belong to; null and an empty name are those of agents that name no group. */
export type ResolveGroup = (group: string | null) => Membership;

/**
 * Says which channel serves the agents of a group: that of a mapping in the settings, else the channel of that name,
 * else the default channel. Names are compared as they are first, then without regard to case. A mapping to a channel
 * that does not exist counts for nothing. `isGroupThere`: has the default channel a group of this name? To prepare it
 * costs a pass over the mappings; each call is two or three look-ups.
 */
export function prepareMembership(
  channels: { has(name: string): boolean },
  { defaultChannel, groups }: MembershipSettings,
  isGroupThere: (group: string) => boolean = () => false,
): ResolveGroup {
  const mappings = Object.entries(groups).filter(([, { channel }]) => channels.has(channel));
  const exact = new Map(mappings);
  const anyCase = new Map(
    mappings.map(([name, target]): [string, GroupTarget] => [name.toLowerCase(), target]).reverse(),
  );

  return (group) => {
    if (group === null || group === '') return { channel: defaultChannel, mapped: true, named: false, group: null };
    const lower = group.toLowerCase();
    const mapping = exact.get(group) ?? anyCase.get(lower);
    if (mapping) return { channel: mapping.channel, mapped: true, named: true, group: mapping.group ?? group };
    const named = [group, lower].find((name) => channels.has(name));
    if (named !== undefined) return { channel: named, mapped: true, named: true, group };
    const mapped = lower === DEFAULT_GROUP || isGroupThere(group);
    return { channel: defaultChannel, mapped, named: false, group };
  };
}

/** One answer of `prepareMembership`. */
export const resolveGroup = (
  group: string | null,
  channels: { has(name: string): boolean },
  settings: MembershipSettings,
): Membership => prepareMembership(channels, settings)(group);
