import { FairwayError } from '../domain/errors.ts';
import type { FleetCounts } from '../domain/fleet-counts.ts';
import {
  countInventory,
  type Examples,
  gatherInventory,
  type InventoryCount,
  type InventoryMode,
  type Placement,
} from '../domain/inventory-count.ts';
import type { MembershipSettings } from '../domain/membership.ts';
import type { Actor } from '../domain/role.ts';
import { requireChannel, type Snapshot, targetsOf } from '../domain/snapshot.ts';
import type { FleetRecords } from '../domain/store.ts';
import { fallOf, isRepeated, listsAfter, readingsAfter, type SettlePolicy, type Survey } from '../domain/survey.ts';
import { membershipOf } from '../domain/told.ts';
import { oldestReadable, sum } from '../domain/version-counts.ts';
import { clock } from '../domain/words.ts';
import { inTurns } from '../process/turns.ts';
import type { State } from './state.ts';
import { earlierReadings, findSurvey, saveRevised } from './surveys.ts';

/** What an inventory is of: a control plane, whose channels it is spread over, or a channel. */
export interface InventoryTarget {
  controlPlane?: string | undefined;
  /** With a control plane: the channel of agents that name no group. */
  channel?: string | undefined;
  mode: InventoryMode;
}

/** Who imports it, from where, and what they sent. */
export interface InventorySender {
  actor: Actor;
  address: string;
  /** The SHA-256 of the body, in hex. It is called after the last entry was read. */
  sha256(): string;
}

export interface InventoryResult {
  received: number;
  /** Agents that count, those whose version cannot be read included. */
  enrolled: number;
  /** Those of them whose version cannot be read. */
  skipped: number;
  /** The lowest version that can be read. */
  oldest: { version: string; count: number } | null;
  /** Ids that were listed again. */
  duplicates: number;
  expired: number;
  /** Entries that are not an instance, and versions that cannot be read. */
  unreadable: number;
  /** Agents without an id that can be kept. */
  anonymous: number;
  contested: number;
  pinned: number;
  disabled: number;
  /** Connected agents without an updater. */
  unmanaged: number;
  unmappedGroups: Record<string, number>;
  channels: { channel: string; agents: number; settling: { from: number; to: number } | null }[];
  complete: boolean;
  /** The moment that it describes; ISO 8601. */
  at: string;
  examples: Examples & { contested?: string };
}

export interface Inventories {
  /**
   * Replaces what is known of the agents of a control plane or a channel; a partial inventory only adds to it. Throws
   * `not_found` for an unknown channel, and `invalid` for an inventory that is empty, unproven or older than the last.
   */
  importInventory(
    target: InventoryTarget,
    instances: AsyncIterable<unknown>,
    sender: InventorySender,
  ): Promise<InventoryResult>;
}

export interface InventoriesOptions {
  store: Pick<FleetRecords, 'counts' | 'saveSurvey' | 'recordSightings' | 'prune' | 'agents'>;
  state: Pick<State, 'snapshot' | 'commit'>;
  membership: MembershipSettings;
  settle: SettlePolicy;
  /** Milliseconds; see `Recording`. */
  contestedFor: number;
  now: () => Date;
}

/** Sightings a call to the store writes; bounds the memory of an import. */
const BATCH = 5_000;

/** What is read before anything is stored. */
interface Import {
  scope: Scope;
  count: InventoryCount;
  /** The moment that it describes, and that of the import; epoch milliseconds. */
  at: number;
  now: number;
  /** Tells it apart from other inventories. */
  list: string;
}

/** Imports of what `tctl inventory ls` lists. */
export function createInventories(options: InventoriesOptions): Inventories {
  const { store, state, membership, settle, contestedFor, now } = options;

  async function audit(
    { scope, count, at }: Import,
    mode: InventoryMode,
    before: FleetCounts,
    sender: InventorySender,
  ): Promise<void> {
    const { actor, address, sha256 } = sender;
    const { enrolled, expired } = count;
    const channels = Object.fromEntries([...count.channels].map(([channel, { agents }]) => [channel, agents]));
    const entry = {
      at: now().toISOString(),
      actor: actor.name,
      action: 'import-inventory',
      subject: scope.name,
      reason: REASONS[mode],
      before: { channels: agentsBefore(before, scope) },
      after: { channels, enrolled, expired, at: new Date(at).toISOString(), sha256: sha256(), address },
    };
    await state.commit([], entry);
  }

  async function record({ count, now: at }: Import): Promise<void> {
    const targets = targetsOf(state.snapshot());
    const { sightings } = count;
    for (let done = 0; done < sightings.length; done += BATCH) {
      const batch = sightings.slice(done, done + BATCH);
      await store.recordSightings('inventory', batch, { now: at, contestedFor, targets });
    }
  }

  /** Throws `revision_mismatch` where other surveys were saved all the time. */
  async function save(read: Import, channel: string, counts: FleetCounts): Promise<Survey> {
    const make = (before: Survey | undefined) => {
      requireNewer(read, before);
      return surveyAfter(read, channel, before, settle);
    };
    const survey = await saveRevised(store, { channel, source: 'inventory' }, make, { counts });
    if (survey) return survey;
    const message = `the figures of ${channel} were changed by someone else; import the inventory again`;
    throw new FairwayError('revision_mismatch', message);
  }

  /**
   * Forgets what complete inventories listed before and this one does not, except where a fall has to settle. An
   * inventory that comes again is left out: it says nothing of agents that others listed since.
   */
  async function prune(
    { scope, count, at: seenUntil, now: before }: Import,
    surveys: Survey[],
    counts: FleetCounts,
  ): Promise<void> {
    const unsettled = surveys.filter((survey) => fallOf(survey, settle)).map(({ channel }) => channel);
    // Channels that groups led to have no survey of this inventory, so their fall is seen by what is known of them.
    const strange = [...state.snapshot().channels.keys()].filter((name) => !scope.channels.includes(name));
    const fallen = strange.filter((name) => {
      const known = sum(counts.known.filter(({ channel }) => channel === name).map(({ agents }) => agents));
      const reading = { from: before, until: before, anonymous: {} };
      const readings = [known, count.channels.get(name)?.agents ?? 0].map((agents) => ({ ...reading, agents }));
      return fallOf({ readings }, settle);
    });
    const except = new Set([...unsettled, ...fallen]);
    await store.prune({ unlisted: { scope: scope.name, before, seenUntil, except } });
    // A channel may have been imported by its own name before, or by that of its control plane.
    for (const { channel, other } of scope.others) {
      if (!except.has(channel)) await store.prune({ unlisted: { scope: other, before, seenUntil, only: channel } });
    }
  }

  async function contested(channels: string[]): Promise<{ agents: number; example: string | undefined }> {
    const { marks } = await store.counts();
    const found = marks.filter(({ channel, mark }) => mark === 'contested' && channels.includes(channel));
    const [first] = found;
    if (!first) return { agents: 0, example: undefined };
    const { agents } = await store.agents({ channel: first.channel, mark: 'contested', limit: 1 });
    return { agents: sum(found.map((each) => each.agents)), example: agents[0]?.id };
  }

  return {
    async importInventory(target, instances, sender) {
      const { mode } = target;
      const at = now().getTime();
      const gathering = gatherInventory(at);
      // Unknown names are refused before a long body is read.
      findScope(state.snapshot(), target, membership.defaultChannel);
      for await (const instance of instances) gathering.add(instance);
      const gathered = gathering.end(mode);

      const snapshot = state.snapshot();
      const scope = findScope(snapshot, target, membership.defaultChannel);
      const placement = { ...scope.placement, resolve: membershipOf(snapshot.channels, membership) };
      const count = await inTurns(countInventory(gathered, placement, { at, scope: scope.name }));
      const read: Import = { scope, count, at: gathered.at, now: at, list: gathered.digest(scope.name) };
      const complete = mode !== 'partial';
      const counts = await store.counts();
      if (complete) for (const channel of scope.channels) requireNewer(read, surveyOf(counts, channel));

      await audit(read, mode, counts, sender);
      await record(read);
      const surveys: Survey[] = [];
      if (complete) {
        for (const channel of scope.channels) surveys.push(await save(read, channel, counts));
        const isNews = surveys.some((survey) => !isRepeated(surveyOf(counts, survey.channel), survey, read.list));
        if (isNews) await prune(read, surveys, counts);
      }

      const names = [...new Set([...scope.channels, ...count.channels.keys()])].sort();
      const { agents, example } = await contested(names);
      const { received, duplicates, odd } = gathered;
      const { versions, enrolled, skipped, expired, anonymous, pinned, disabled, unmanaged } = count;
      return {
        ...{ received, enrolled, skipped, oldest: oldestReadable(versions), duplicates, expired },
        ...{ unreadable: odd + skipped, anonymous, contested: agents, pinned, disabled },
        unmanaged: sum(unmanaged.values()),
        unmappedGroups: Object.fromEntries(count.unmappedGroups),
        channels: names.map((channel) => {
          const survey = surveys.find((each) => each.channel === channel);
          const fall = survey && fallOf(survey, settle);
          const settling = fall ? { from: fall.from, to: fall.to } : null;
          return { channel, agents: count.channels.get(channel)?.agents ?? 0, settling };
        }),
        ...{ complete, at: new Date(gathered.at).toISOString() },
        examples: { ...count.examples, ...(example === undefined ? {} : { contested: example }) },
      };
    },
  };
}

const REASONS: Record<InventoryMode, string> = {
  proven: '',
  partial: 'partial: agents may be missing from it',
  complete: 'complete: the importer vouches for it',
};

interface Scope {
  /** The channel's name, or `@` and the control plane's. */
  name: string;
  /** Channels that it surveys. */
  channels: string[];
  placement: Omit<Placement, 'resolve'>;
  /** Other names by which those channels may have been imported. */
  others: { channel: string; other: string }[];
}

/** Throws `invalid` and `not_found`. */
function findScope(snapshot: Snapshot, { controlPlane, channel }: InventoryTarget, defaultChannel: string): Scope {
  const named = channel === undefined ? null : requireChannel(snapshot, channel);
  if (controlPlane === undefined) {
    if (!named) {
      throw new FairwayError('invalid', 'say what it is an inventory of: controlPlane=NAME or channel=NAME');
    }
    const { name } = named;
    const unmapped = snapshot.channels.has(defaultChannel) ? defaultChannel : name;
    const others = named.controlPlane === null ? [] : [{ channel: name, other: `@${named.controlPlane}` }];
    return { name, channels: [name], placement: { unnamed: name, unmapped }, others };
  }
  const channels = [...snapshot.channels.values()].filter((each) => each.controlPlane === controlPlane);
  const names = channels.map(({ name }) => name);
  if (names.length === 0) {
    if (!snapshot.controlPlanes.has(controlPlane)) {
      const message = `there is no control plane ${controlPlane}; to list them: fairway control-planes`;
      throw new FairwayError('not_found', message);
    }
    const message = `no channel has the control plane ${controlPlane}; name it in the settings of one, on its page or with: fairway apply FILE`;
    throw new FairwayError('invalid', message);
  }
  if (named && named.controlPlane !== controlPlane) {
    const message = `channel ${named.name} does not belong to control plane ${controlPlane}`;
    throw new FairwayError('invalid', `${message}; name one that does: ${names.join(', ')}`);
  }
  const ownDefault = names.includes(defaultChannel) ? defaultChannel : null;
  const only = names.length === 1 ? (names[0] ?? null) : null;
  return {
    name: `@${controlPlane}`,
    channels: names,
    placement: { unnamed: named?.name ?? ownDefault ?? only, unmapped: ownDefault ?? named?.name ?? only },
    others: names.map((name) => ({ channel: name, other: name })),
  };
}

const surveyOf = (counts: FleetCounts, name: string) => findSurvey(counts, name, 'inventory');

/** Throws `invalid` where a newer inventory is stored. One from the future is none: a clock was ahead. */
function requireNewer({ at, now }: Import, before: Survey | undefined): void {
  if (!before || at >= before.at || before.at > now) return;
  const [mine, theirs] = [at, before.at].map((time) => clock(new Date(time).toISOString()));
  const message = `the inventory is of ${mine}, and a newer one for ${before.channel}, of ${theirs}, is stored`;
  throw new FairwayError('invalid', `${message}; print it again with tctl, then import it; nothing was changed`);
}

/** The survey of a channel after the import. */
function surveyAfter(
  { scope, count, at, now, list }: Import,
  channel: string,
  before: Survey | undefined,
  { settleFor }: SettlePolicy,
): Survey {
  const own = count.channels.get(channel);
  const anonymous = Object.fromEntries(own?.anonymous ?? []);
  const versions = Object.fromEntries(own?.versions ?? []);
  const reading = { from: at, until: at, agents: own?.agents ?? 0, anonymous, versions };
  return {
    ...{ channel, source: 'inventory', at, readAt: now, scope: scope.name, complete: true },
    versions,
    unmanaged: Object.fromEntries(count.unmanaged),
    expired: own?.expired ?? 0,
    unmappedGroups: Object.fromEntries(count.unmappedGroups),
    ...(channel === scope.channels[0] ? { groups: Object.fromEntries(count.groups) } : {}),
    lists: listsAfter(before, at, list),
    readings: readingsAfter(earlierReadings(before, now), reading, settleFor),
    failing: null,
    revision: before?.revision ?? 0,
  };
}

/** The agents by channel that inventories counted before; null: none did. */
const agentsBefore = (counts: FleetCounts, { channels }: Scope): Record<string, number | null> =>
  Object.fromEntries(
    channels.map((channel) => {
      const survey = surveyOf(counts, channel);
      return [channel, survey ? sum(Object.values(survey.versions)) : null];
    }),
  );
