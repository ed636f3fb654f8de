import {
  type Agent,
  channelsOf,
  countedVersion,
  countedVersions,
  currentSighting,
  recordOf,
  type Sighting,
} from '../domain/agent.ts';
import { agentFaults, findAgentFaults } from '../domain/agent-findings.ts';
import { agentVersion, compareAgentVersions, UNREADABLE } from '../domain/agent-version.ts';
import { criticalAnswer, versionAnswer } from '../domain/answer.ts';
import { type Channel, channelAt, describeHold, type Plan, withdrawnAt } from '../domain/channel.ts';
import type { ControlPlane } from '../domain/control-plane.ts';
import { createIsCutOff } from '../domain/cut-off.ts';
import type { MembershipSettings } from '../domain/membership.ts';
import { nextStep } from '../domain/plan.ts';
import { numberOf, waveAfter } from '../domain/rollout.ts';
import { asksAs } from '../domain/rollout-count.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { WITHHELD } from '../domain/staleness.ts';
import { leadingRollout, prepareGroupOf, servedTo } from '../domain/told.ts';
import { requireVersion, type Version } from '../domain/version.ts';
import { clock, who } from '../domain/words.ts';

/** What one source last said of an agent. `at` is ISO 8601. */
export interface SightingView extends Omit<Sighting, 'id' | 'at' | 'listing' | 'updateId'> {
  source: Agent['sightings'][number]['source'];
  at: string;
}

/** An agent as it counts: everywhere that agents are counted, it is at this version and on these channels. */
export interface AgentView {
  id: string;
  /** The channel that its newest sighting names, and all on which it counts. */
  channel: string;
  channels: string[];
  /** The version at which it counts; what each source reports is in `sources`. */
  version: string;
  updater: Sighting['updater'];
  updaterVersion: string | null;
  updaterState: Sighting['updaterState'];
  updaterError?: number | undefined;
  group: string | null;
  host: string | null;
  enrolled: boolean;
  /** Its instance had expired when it was listed last, so it does not count. */
  expired: boolean;
  /** It goes back and forth between versions; the lowest one of the last while, and when it was last there. */
  contested: { version: string; at: string } | null;
  /**
   * It went back though its channel was not rolled back: from where, when it was last there, and since when it is
   * lower.
   */
  reverted: { from: string; was: string; at: string } | null;
  lastSeen: string;
  sources: SightingView[];
}

/** What an agent gets, and why. */
export interface Explanation {
  agent: AgentView;
  channel: string;
  /** The bodies that its next polls get; null where its channel is gone and it gets a 404. */
  told: { version: string; critical: 'yes' | 'no' } | null;
  target: string | null;
  critical: Channel['critical'];
  pin: Channel['pin'];
  /** Does the target strand it? */
  stranded: boolean;
  /** Does the channel's control plane refuse it where it was reported? */
  cutOff: boolean;
  /** The plan that the channel follows, and what its next step means to the agent. */
  plan: (Plan & { next: string; strandsAgent: boolean }) | null;
  revision: number | null;
  /** The same in one sentence. */
  because: string;
}

export function viewAgent(agent: Agent): AgentView {
  const { id, sightings, past } = agent;
  const record = recordOf(agent);
  const current = currentSighting(record) ?? sightings[0];
  if (!current) throw new Error(`agent ${id} has no sighting`);
  const { inventory } = record;
  const { contested, reverted } = past;
  return {
    id,
    channel: current.channel,
    channels: channelsOf(record),
    version: countedVersion(record) ?? current.version,
    updater: current.updater ?? inventory?.updater ?? null,
    updaterVersion: current.updaterVersion ?? inventory?.updaterVersion ?? null,
    updaterState: inventory?.updaterState ?? null,
    ...(inventory?.updaterError === undefined ? {} : { updaterError: inventory.updaterError }),
    group: current.group ?? inventory?.group ?? null,
    host: inventory?.host ?? null,
    enrolled: current.enrolled,
    expired: current.expired,
    contested: contested && { version: contested.version, at: iso(contested.at) },
    reverted: reverted && { from: reverted.from, was: iso(reverted.was), at: iso(reverted.at) },
    lastSeen: iso(current.at),
    sources: sightings.map(({ id: _, listing: _listing, updateId: _update, at, ...sighting }) => ({
      ...sighting,
      at: iso(at),
    })),
  };
}

const iso = (at: number) => new Date(at).toISOString();

const GONE = {
  told: null,
  target: null,
  critical: null,
  pin: null,
  plan: null,
  revision: null,
  ...{ stranded: false, cutOff: false },
};

/** What the groups of a rollout wait for, by their names; null where they wait for nothing. */
export type Waits = ReadonlyMap<string, string | null>;

export function explainAgent(
  known: Agent,
  { channels, controlPlanes }: Pick<Snapshot, 'channels' | 'controlPlanes'>,
  at: Date,
  groups: MembershipSettings['groups'] = {},
  waits: Waits = new Map(),
  isWithheld = false,
): Explanation {
  const agent = viewAgent(known);
  const others = countedVersions(recordOf(known)).filter((version) => version !== agent.version);
  const stored = channels.get(agent.channel);
  if (!stored) {
    const because = `there is no channel ${agent.channel}, so the agent's polls are answered with 404 and it stays where it is`;
    return { agent, channel: agent.channel, ...GONE, because };
  }
  const channel = channelAt(stored, at);
  const { name, target, critical, pin } = channel;
  const plan = explainPlan(agent, others, channel);
  const groupOf = prepareGroupOf(channel, groups)?.groupOf ?? null;
  const asks = { id: asksAs(known.id, recordOf(known)), group: agent.group };
  const served = servedTo(channel, groupOf, asks, at);
  const plane = controlPlanes.get(channel.controlPlane ?? '');
  const refuses = counts(agent) ? describeCutOff([agent.version, ...others], plane) : null;
  return {
    agent,
    channel: name,
    told: isWithheld
      ? { version: versionAnswer({ ...channel, target: null }), critical: 'no' }
      : { version: versionAnswer({ ...channel, target: served.v1 }), critical: criticalAnswer(channel) },
    target,
    critical,
    pin,
    stranded:
      counts(agent) &&
      target !== null &&
      isStranded([agent.version, ...others], requireVersion(target), requireVersion(target)),
    cutOff: refuses !== null,
    plan,
    revision: stored.revision,
    because: because(agent, others, channel, plan, [
      ...(isWithheld ? [WITHHELD] : []),
      ...(refuses === null ? [] : [refuses]),
      ...describeTurn(asks.id, channel, served, waits),
    ]),
  };
}

/** Does the target strand the agent at one of the versions at which it counts? */
const isStranded = (versions: string[], target: Version, present: Version | null): boolean =>
  versions.some((version) => agentFaults(version, target, present).length > 0);

/** That the control plane refuses the agent at one of the versions at which it counts; null where it does not. */
function describeCutOff(versions: string[], plane: ControlPlane | undefined): string | null {
  if (!plane || !versions.some(createIsCutOff(plane))) return null;
  return `control plane ${plane.name} runs ${plane.version} and refuses the agent at its version, so it is cut off until it moves`;
}

const counts = ({ enrolled, expired }: AgentView) => enrolled && !expired;

function explainPlan(agent: AgentView, others: string[], { plan, target }: Channel): Explanation['plan'] {
  if (!plan) return null;
  const next = nextStep(plan);
  const present = target === null ? null : requireVersion(target);
  return { ...plan, next: next.text, strandsAgent: isStranded([agent.version, ...others], next, present) };
}

function because(
  agent: AgentView,
  others: string[],
  channel: Channel,
  plan: Explanation['plan'],
  turn: string[],
): string {
  const { name, target, critical, pin } = channel;
  const parts = [
    target === null
      ? describeNoTarget(agent, channel)
      : `the agent follows ${name} and ${describeMove(agent, others, target)}`,
    ...turn,
    ...describeOddities(agent),
    ...others.map((version) => `it may run ${describeVersion(version)} instead, so it counts there as well`),
    ...(target !== null && pin ? [`the target is pinned by ${who(pin.by)}: ${pin.reason}`] : []),
    ...(channel.hold ? [`the channel is ${describeHold(channel)}`] : []),
    ...(target !== null && critical
      ? [`it is critical, so agents need not wait for their maintenance window: ${critical.reason}`]
      : []),
    ...(target !== null && plan ? [describePlan(plan)] : []),
    ...(agent.enrolled ? [] : ['it brought no enrolment token, so it counts for nothing in the gate']),
    ...(agent.expired
      ? ['its instance had expired when it was listed last, so it counts for nothing in the gate']
      : []),
  ];
  return parts.join('; ');
}

/** The agent's place in a rollout: its group, whether its turn has come, and what the group waits for. */
function describeTurn(id: string, channel: Channel, served: ReturnType<typeof servedTo>, waits: Waits): string[] {
  if (!channel.rollout || channel.target === null) return [];
  if (served.group === null)
    return ['it is of no group of the channel, so it is held back and is never told to update'];
  const rollout = leadingRollout(channel);
  const group = rollout?.groups.find(({ settings }) => settings.name === served.group);
  if (!rollout || !group) return [`it is of group ${served.group}`];
  const { settings, state, wave, canaries } = group;
  const { name } = settings;
  const isCanary = canaries.some((canary) => canary.id === id);
  const number = numberOf(rollout.id, id).toFixed(2);
  const parts = [
    ...(isCanary ? ['it is a canary'] : []),
    ...(state === 'done' || state === 'rolledback'
      ? []
      : [`number ${number}, wave ${wave || waveAfter(settings, 0)} %`]),
  ];
  const its = [`its group ${name} is ${state}`, ...parts].join(', ');
  const wait = waits.get(name);
  return [
    `the channel rolls out ${rollout.to}: ${its}, so it gets ${served.v1 ?? 'none'}`,
    ...(wait ? [`group ${name} waits: ${wait}`] : []),
  ];
}

const describeVersion = (version: string): string =>
  version === UNREADABLE ? 'a version that cannot be read' : version;

function describeNoTarget(agent: AgentView, channel: Channel): string {
  const { name } = channel;
  const at = withdrawnAt(channel);
  const why = at === null ? `${name} has never had a target` : `${name} was withdrawn at ${clock(at)}`;
  return `${why}, so the agent stays at ${agent.version}`;
}

function describeMove(agent: AgentView, others: string[], text: string): string {
  const target = requireVersion(text);
  const [fault] = findAgentFaults(target, new Map([agent.version, ...others].map((version) => [version, 1])), target);
  if (fault) return `is stranded by the target: ${fault.detail}`;
  if (!agentVersion(agent.version)) return `gets ${text}; its own version cannot be read`;
  const order = compareAgentVersions(agent.version, text);
  if (order === 0) return 'is at the target';
  const held = agent.updaterState === 'pinned' || agent.updaterState === 'disabled';
  const does = held ? 'would move' : 'moves';
  return order < 0 ? `is behind and ${does} up to ${text}` : `is ahead and ${does} back to ${text}`;
}

/** What sets this agent apart from the others at its version. */
function describeOddities({ version, updaterState, updaterError, contested, reverted }: AgentView): string[] {
  const updater = {
    pinned: 'its updater is pinned on its host, so it will not move',
    disabled: 'its updater is disabled on its host, so it will not move',
    unreadable: 'its updater cannot be read, so it may not move',
    failing: `its updater ended the last update with ${updaterError === undefined ? 'an error' : `error ${updaterError}`}, so it may not move; see teleport-update status on its host`,
  };
  return [
    ...(updaterState && updaterState !== 'ok' ? [updater[updaterState]] : []),
    ...(contested
      ? [
          `it goes back and forth between versions and counts at ${version}, where it was last at ${clock(contested.at)}`,
        ]
      : []),
    ...(reverted
      ? [`it went back from ${reverted.from} by itself, ${between(clock(reverted.was), clock(reverted.at))}`]
      : []),
  ];
}

const between = (from: string, to: string): string => (from === to ? `at ${to}` : `between ${from} and ${to}`);

const describePlan = ({ target, next, strandsAgent }: NonNullable<Explanation['plan']>) =>
  `the plan to ${target} goes on to ${next}, which ${strandsAgent ? 'waits for this agent, because it would strand it' : 'this agent can follow'}`;
