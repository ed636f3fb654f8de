import { isGroup, type Sighting } from './agent.ts';
import { compareAgentVersions, UNREADABLE } from './agent-version.ts';
import { FairwayError } from './errors.ts';
import { type Instance, readInstance } from './inventory.ts';
import { createListDigest } from './list-digest.ts';
import type { ResolveGroup } from './membership.ts';
import { OTHER_GROUP } from './store.ts';
import { countVersion } from './version-counts.ts';

/**
 * How much of an inventory is believed: that it is complete because it proves so, that it holds some of the agents, or
 * that it is complete because the operator vouches for it.
 */
export const INVENTORY_MODES = ['proven', 'partial', 'complete'] as const;
export type InventoryMode = (typeof INVENTORY_MODES)[number];

/** The first of each kind, so that people can look at one. Ids, versions and entries' numbers as text. */
export type Examples = Partial<
  Record<
    'duplicates' | 'expired' | 'unreadable' | 'anonymous' | 'pinned' | 'disabled' | 'unmanaged' | 'unmappedGroups',
    string
  >
>;

type Agent = Instance & { index: number };

/** The entries of an inventory, gathered before anything is stored. */
export interface Gathered {
  received: number;
  /** Enrolled agents: those with an id by it, each once, then those without. */
  agents: Map<string, Agent>;
  anonymous: Agent[];
  /** Connected agents without an updater. */
  unmanaged: { version: string; expires: number | null; name: string | null }[];
  /** Ids that were listed again. */
  duplicates: number;
  /** Entries that say nothing of an agent, or have no metadata. */
  odd: number;
  /** The moment that it describes: its newest `last_seen`, epoch milliseconds. */
  at: number;
  examples: Examples;
  /** Tells it apart from other lists of the same scope. */
  digest(scope: string): string;
}

/** Takes the entries of an inventory one by one. `now` is the import's moment. */
export function gatherInventory(now: number) {
  const agents = new Map<string, Agent>();
  const [anonymous, unmanaged]: [Gathered['anonymous'], Gathered['unmanaged']] = [[], []];
  const examples: Examples = {};
  const digest = createListDigest();
  let received = 0;
  let duplicates = 0;
  let odd = 0;
  let newest: number | null = null;
  let hasOwn = false;
  let other: { index: number; kind: string | null } | null = null;

  function addEnrolled(agent: Agent): void {
    const { id } = agent;
    if (id === null) {
      anonymous.push(agent);
      return;
    }
    const before = agents.get(id);
    if (before) {
      duplicates++;
      examples.duplicates ??= id;
    }
    agents.set(id, before ? lowerOf(before, agent) : agent);
  }

  function addInstance(instance: Instance, index: number): void {
    digest.add(JSON.stringify(instance));
    const { version, expires, name, lastSeen } = instance;
    if (lastSeen !== null) newest = Math.max(newest ?? 0, Math.min(lastSeen, now));
    hasOwn ||= instance.own;
    if (instance.enrolled) addEnrolled({ ...instance, index });
    else if (!instance.own) unmanaged.push({ version, expires, name });
  }

  return {
    add(value: unknown): void {
      const index = received++;
      const entry = readInstance(value);
      if (entry.is === 'other') {
        // A resource of another kind is worse than one that does not say what it is.
        if (!other || (other.kind === null && entry.kind !== null)) other = { index, kind: entry.kind };
        if (entry.instance) addInstance(entry.instance, index);
        return;
      }
      if (entry.is === 'odd' || entry.odd) {
        odd++;
        examples.unreadable ??= `entry ${index}`;
      }
      if (entry.is === 'instance') addInstance(entry.instance, index);
    },

    /** Throws `invalid` where nothing proves that it is an inventory, or, in the mode `proven`, that it is complete. */
    end(mode: InventoryMode): Gathered {
      requireInventory(received, other, mode === 'proven' ? hasOwn : true, mode);
      return {
        received,
        agents,
        anonymous,
        unmanaged,
        duplicates,
        odd,
        at: newest ?? now,
        examples,
        digest: digest.of,
      };
    },
  };
}

/**
 * If an id is listed twice, the lower version counts: since the newer entry was seen, for as long as either does.
 */
function lowerOf(a: Agent, b: Agent): Agent {
  const lower = compareAgentVersions(b.version, a.version) < 0 ? b : a;
  return { ...lower, lastSeen: later(a.lastSeen, b.lastSeen), expires: later(a.expires, b.expires) };
}

const later = (a: number | null, b: number | null) => (a === null || b === null ? null : Math.max(a, b));

const WAYS =
  'import it with --partial (partial=true) if agents may be missing, or with --complete (complete=true) if you vouch for it';

function requireInventory(
  received: number,
  other: { index: number; kind: string | null } | null,
  proven: boolean,
  mode: InventoryMode,
): void {
  // A cluster's own auth and proxy servers are in its inventory, so an empty one is a failed export, not evidence.
  if (received === 0) {
    const message = 'the inventory is empty, and even a cluster without agents lists its own servers';
    throw new FairwayError('invalid', `${message}; check what tctl printed and may list`);
  }
  if (other && other.kind !== null) {
    const todo = 'send what `tctl inventory ls --format=json` prints; nothing was changed';
    const message = `entry ${other.index} is of kind ${other.kind.slice(0, 64)}, and an inventory has instances only`;
    throw new FairwayError('invalid', `${message}; ${todo}`);
  }
  if (other && mode === 'proven') {
    const message = `entry ${other.index} does not say that it is of kind instance, so this may be another list`;
    throw new FairwayError('invalid', `${message}; ${WAYS}; nothing was changed`);
  }
  if (!proven) {
    const message = 'no instance has the service Auth or Proxy, so this may be a filtered list';
    throw new FairwayError('invalid', `${message}; ${WAYS}; nothing was changed`);
  }
}

/** Where the agents of an inventory go. */
export interface Placement {
  resolve: ResolveGroup;
  /** Channel of agents that name no group; null: none is known. */
  unnamed: string | null;
  /** Channel of agents whose group leads nowhere; null: none is known. */
  unmapped: string | null;
}

/** The agents of one channel that count. */
export interface ChannelCount {
  /** With an id and without. */
  agents: number;
  versions: Map<string, number>;
  anonymous: Map<string, number>;
  expired: number;
}

/** An inventory, counted. */
export interface InventoryCount {
  sightings: Sighting[];
  channels: Map<string, ChannelCount>;
  versions: Map<string, number>;
  /** Enrolled agents that count, those whose version cannot be read included. */
  enrolled: number;
  skipped: number;
  expired: number;
  anonymous: number;
  pinned: number;
  disabled: number;
  unmanaged: Map<string, number>;
  unmappedGroups: Map<string, number>;
  /** The channels that groups led to. */
  groups: Map<string, string>;
  examples: Examples;
}

/** Groups that are counted by name, groups whose channel is kept, and characters of a name. */
const MAX_GROUPS = 100;
const MAX_PLACED_GROUPS = 1_000;
const MAX_GROUP_NAME = 64;

/** Agents counted at a stretch: a few milliseconds, in which the process answers no poll. */
const AT_ONCE = 1_000;

/**
 * Counts an inventory: each agent on the channel that serves it. Agents that had expired by the inventory's moment are
 * kept, and do not count. It yields after each thousand agents, so that other work can be done in between. Throws
 * `invalid` where an agent's channel is not known.
 */
export function* countInventory(
  gathered: Gathered,
  { resolve, unnamed, unmapped }: Placement,
  listing: NonNullable<Sighting['listing']>,
): Generator<void, InventoryCount> {
  const channels = new Map<string, ChannelCount>();
  const versions = new Map<string, number>();
  const unmanaged = new Map<string, number>();
  const unmappedGroups = new Map<string, number>();
  const examples = { ...gathered.examples };
  const count: InventoryCount = {
    ...{ sightings: [], channels, versions, enrolled: 0, skipped: 0, expired: 0, anonymous: 0, pinned: 0, disabled: 0 },
    ...{ unmanaged, unmappedGroups, groups: new Map(), examples },
  };
  const isExpired = (expires: number | null) => expires !== null && expires <= gathered.at;

  function place(agent: Agent): { channel: string; group: string | null; lost: boolean; named: boolean } {
    const found = resolve(agent.group);
    const lost = !found.mapped;
    const channel = found.named ? found.channel : lost ? unmapped : unnamed;
    if (channel !== null) return { channel, group: found.group, lost, named: found.named };
    const who =
      agent.group === null
        ? 'has no update group'
        : `is of the group ${agent.group.slice(0, MAX_GROUP_NAME)}, which has no channel`;
    const message = `entry ${agent.index} ${who}; say which channel serves it: channel=NAME; nothing was changed`;
    throw new FairwayError('invalid', message);
  }

  function add(agent: Agent): void {
    const { id, version, updaterState } = agent;
    const { channel, group, lost, named } = place(agent);
    const expired = isExpired(agent.expires);
    const own = channelCount(channels, channel);
    const who = agent.name ?? `entry ${agent.index}`;
    if (id !== null) count.sightings.push(sightingOf(id, agent, channel, group, listing, expired));
    if (expired) {
      count.expired++;
      own.expired++;
      examples.expired ??= who;
      return;
    }
    count.enrolled++;
    own.agents++;
    countVersion(versions, version);
    countVersion(own.versions, version);
    if (id === null) {
      count.anonymous++;
      countVersion(own.anonymous, version);
      examples.anonymous ??= who.slice(0, 128);
    }
    if (version === UNREADABLE) {
      count.skipped++;
      examples.unreadable ??= who.slice(0, 128);
    }
    if (named && agent.group !== null && count.groups.size < MAX_PLACED_GROUPS) {
      count.groups.set(agent.group.slice(0, MAX_GROUP_NAME), channel);
    }
    if (lost && agent.group !== null) {
      countGroup(unmappedGroups, agent.group.slice(0, MAX_GROUP_NAME));
      examples.unmappedGroups ??= who.slice(0, 128);
    }
    if (updaterState === 'pinned' || updaterState === 'disabled') {
      count[updaterState]++;
      examples[updaterState] ??= who.slice(0, 128);
    }
  }

  let done = 0;
  for (const agents of [gathered.agents.values(), gathered.anonymous]) {
    for (const agent of agents) {
      add(agent);
      if (++done % AT_ONCE === 0) yield;
    }
  }
  for (const { version, expires, name } of gathered.unmanaged) {
    if (++done % AT_ONCE === 0) yield;
    if (isExpired(expires)) continue;
    countVersion(unmanaged, version);
    examples.unmanaged ??= (name ?? version).slice(0, 128);
  }
  return count;
}

function channelCount(channels: Map<string, ChannelCount>, name: string): ChannelCount {
  const known = channels.get(name);
  if (known) return known;
  const fresh: ChannelCount = { agents: 0, versions: new Map(), anonymous: new Map(), expired: 0 };
  channels.set(name, fresh);
  return fresh;
}

function countGroup(groups: Map<string, number>, name: string): void {
  const key = groups.has(name) || groups.size < MAX_GROUPS ? name : OTHER_GROUP;
  groups.set(key, (groups.get(key) ?? 0) + 1);
}

/** An instance whose time is missing or in the future was seen when it was imported. */
function sightingOf(
  id: string,
  { version, lastSeen, updater, updaterVersion, updaterState, updaterError, updateId, host }: Agent,
  channel: string,
  group: string | null,
  listing: NonNullable<Sighting['listing']>,
  expired: boolean,
): Sighting {
  return {
    id,
    channel,
    version,
    at: Math.min(lastSeen ?? listing.at, listing.at),
    updater,
    updaterVersion,
    group: group !== null && isGroup(group) ? group : null,
    enrolled: true,
    proven: true,
    updaterState,
    host,
    listing,
    ...(updateId !== undefined && updateId !== id ? { updateId } : {}),
    ...(updaterError === undefined ? {} : { updaterError }),
    expired,
  };
}
