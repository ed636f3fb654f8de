import type { AuditEntry } from '../domain/audit.ts';
import { total } from '../domain/census.ts';
import {
  type Act,
  type Channel,
  type ChannelSettings,
  channelAt,
  channelNameFault,
  createChannel,
  DEFAULT_SETTINGS,
  pin,
  previousTarget,
  rollBack,
  rollForward,
  setCritical,
  unpin,
  type Verb,
  withdraw,
} from '../domain/channel.ts';
import type { Report } from '../domain/compatibility.ts';
import { FairwayError } from '../domain/errors.ts';
import { cancelPlan, planRoute, startPlan } from '../domain/plan.ts';
import type { Actor } from '../domain/role.ts';
import { channelKey, requireChannel, type Stored } from '../domain/snapshot.ts';
import { requireVersion } from '../domain/version.ts';
import { type ChangeRequest, commitDocument, releaseGuards, requireRevision, targetGuards } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { State } from './state.ts';

/** A verb that changes a channel. */
export type ChangingVerb = Exclude<Verb, 'check'>;

export interface VerbInput {
  reason: string;
  version?: string | undefined;
  critical?: boolean | undefined;
  /** ISO 8601. */
  until?: string | undefined;
  /** Go there in steps across majors, each when nobody would be stranded by it. */
  stepped?: boolean | undefined;
  /** Agents that the operator accepts to strand; the report's number. */
  acceptStranding?: number | undefined;
}

export interface VerbResult {
  channel: Stored<Channel>;
  /** The gate's verdict where the target moved. */
  report: Report | null;
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

/** Told of what Prometheus counts. */
export interface ChannelObserver {
  targetChanged(channel: string, verb: string): void;
  strandingAccepted(channel: string): void;
}

export interface Channels {
  list(): Stored<Channel>[];
  read(name: string): Stored<Channel>;
  /** Creates the channel, or changes the given settings of it. */
  put(
    name: string,
    change: Partial<ChannelSettings> & { target?: string | undefined; reason?: string | undefined },
    request: ChangeRequest,
  ): Promise<{ channel: Stored<Channel>; created: boolean }>;
  remove(name: string, request: ChangeRequest): Promise<void>;
  act(name: string, verb: ChangingVerb, input: VerbInput, request: ChangeRequest): Promise<VerbResult>;
  check(name: string, version: string, asker: Actor): Promise<Report>;
}

export interface ChannelsOptions {
  state: State;
  fleet: Pick<Fleet, 'population'>;
  gate: Gate;
  observer: ChannelObserver;
  now: () => Date;
}

/** The state after each verb; what a verb may not do, the domain refuses. */
const TRANSITIONS: Record<ChangingVerb, (channel: Channel, input: VerbInput, act: Act) => Channel> = {
  'roll-forward': (channel, { version = '', critical = false }, act) =>
    rollForward(channel, requireVersion(version), critical, act),
  'roll-back': (channel, { version, critical = false }, act) =>
    rollBack(channel, requireVersion(version ?? previousTarget(channel)), critical, act),
  pin: (channel, { version, until }, act) =>
    pin(channel, version === undefined ? null : requireVersion(version), readEnd(until, act), act),
  unpin: (channel, _, act) => unpin(channel, act),
  critical: (channel, { critical = true, until }, act) => setCritical(channel, critical, readEnd(until, act), act),
  withdraw: (channel, _, act) => withdraw(channel, act),
  'cancel-plan': (channel, _, act) => cancelPlan(channel, act),
};

/** Steers channels; no target is set but through the gate. */
export function createChannels({ state, fleet, gate, observer, now }: ChannelsOptions): Channels {
  const present = (channel: Stored<Channel>): Stored<Channel> => ({
    ...channelAt(channel, now()),
    revision: channel.revision,
  });

  const find = (name: string) => requireChannel(state.snapshot(), name);

  async function act(name: string, verb: ChangingVerb, input: VerbInput, request: ChangeRequest): Promise<VerbResult> {
    const { releases } = state.snapshot();
    const before = find(name);
    requireRevision(channelKey(name), before, request.ifMatch);
    const at = now();
    const act = { by: request.actor.name, at, reason: input.reason };
    const after =
      (input.stepped ? await startStepped(before, input, act) : null) ?? TRANSITIONS[verb](before, input, act);
    const moves = after.target !== null && after.target !== before.target;
    const report =
      moves && after.target ? await gate.assess(before, requireVersion(after.target), { asker: request.actor }) : null;
    const overridden = report !== null && gate.enforce(name, report, request, input.acceptStranding);
    if (request.dryRun) return { channel: present({ ...after, revision: before.revision }), report, audit: null };

    const reason = overridden ? `${input.reason} (accepted stranding ${report.stranded})` : input.reason;
    const audit = await commitDocument(state, {
      key: channelKey(name),
      before,
      after,
      action: verb,
      reason,
      actor: request.actor,
      at,
      guards: moves ? targetGuards(releases, after) : [],
    });
    if (after.target !== before.target) observer.targetChanged(name, verb);
    if (overridden) observer.strandingAccepted(name);
    return { channel: present({ ...after, revision: audit.revision }), report, audit };
  }

  /** Null where the way needs no steps. */
  async function startStepped(channel: Channel, input: VerbInput, act: Act): Promise<Channel | null> {
    if (input.acceptStranding !== undefined) {
      throw new FairwayError('invalid', 'a stepped roll-forward strands nobody; leave out stepped or acceptStranding');
    }
    const target = requireVersion(input.version ?? '');
    const route = planRoute(channel, target, await gate.assess(channel, target));
    return route.length < 2 ? null : startPlan(channel, route, input.critical ?? false, act);
  }

  return {
    list: () => [...state.snapshot().channels.values()].map(present).sort((a, b) => (a.name < b.name ? -1 : 1)),
    read: (name) => present(find(name)),
    act,
    async check(name, version, asker) {
      return gate.assess(find(name), requireVersion(version), { asker });
    },

    async put(name, { target, reason = '', ...settings }, request) {
      const { channels, releases } = state.snapshot();
      const before = channels.get(name);
      requireRevision(channelKey(name), before, request.ifMatch);
      const { actor, dryRun } = request;
      const at = now();
      const act = { by: actor.name, at, reason };
      const after = before
        ? changeSettings(before, settings, target, act)
        : await create(name, settings, target, act, request);
      const toolsChange = after.toolsVersion !== (before?.toolsVersion ?? null);
      if (toolsChange) gate.enforceTools(after, { asker: actor });
      const change = {
        key: channelKey(name),
        before,
        after,
        action: before ? 'settings' : 'create',
        reason,
        actor,
        at,
        guards: releaseGuards(releases, [before ? null : after.target, toolsChange ? after.toolsVersion : null]),
      };
      const revision = dryRun ? (before?.revision ?? 0) : (await commitDocument(state, change)).revision;
      return { channel: present({ ...after, revision }), created: !before };
    },

    async remove(name, request) {
      const before = find(name);
      requireRevision(channelKey(name), before, request.ifMatch);
      const { known } = await fleet.population(before);
      const agents = Math.max(0, ...known.map(total));
      if (agents > 0) {
        throw new FairwayError(
          'channel_in_use',
          `${agents} enrolled agents follow ${name}; move them to another channel first`,
        );
      }
      if (request.dryRun) return;
      const change = {
        key: channelKey(name),
        before,
        after: null,
        action: 'delete',
        reason: '',
        actor: request.actor,
        at: now(),
      };
      await commitDocument(state, change);
    },
  };

  async function create(
    name: string,
    settings: Partial<ChannelSettings>,
    target: string | undefined,
    act: Act,
    request: ChangeRequest,
  ): Promise<Channel> {
    const fault = channelNameFault(name);
    if (fault) throw new FairwayError('invalid', fault);
    const merged = { ...DEFAULT_SETTINGS, ...settings };
    const empty = createChannel(name, merged, null, act);
    if (target === undefined) return empty;
    const version = requireVersion(target);
    gate.enforce(name, await gate.assess(empty, version, { asker: request.actor }), request);
    return createChannel(name, merged, version, act);
  }
}

function changeSettings(
  channel: Channel,
  settings: Partial<ChannelSettings>,
  target: string | undefined,
  { at, by }: Act,
): Channel {
  if (target !== undefined) {
    throw new FairwayError(
      'invalid',
      `${channel.name} exists; its target is moved with roll-forward or roll-back, not with its settings`,
    );
  }
  return { ...channel, ...settings, updatedAt: at.toISOString(), updatedBy: by };
}

function readEnd(until: string | undefined, { at }: Act): Date | null {
  if (until === undefined) return null;
  const end = new Date(until);
  if (end > at) return end;
  throw new FairwayError('invalid', `until must lie in the future, and ${until} does not`);
}
