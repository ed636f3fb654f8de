import { AGENT_REASONS } from './agent-findings.ts';
import { type Channel, describeHold, describeRollingOut, isRollingOut } from './channel.ts';
import { doubtsOf, type Report } from './compatibility.ts';
import type { ControlPlaneReport } from './control-plane-check.ts';
import { describeMissing } from './fixes.ts';
import type { Closed } from './freeze.ts';
import { isEmpty, type Stage, type StageProgress, type StageStanding } from './promotion.ts';
import type { AgentWait, Half } from './promotion-halves.ts';
import { describeOverride } from './purpose.ts';
import type { Release } from './release.ts';
import { isMoving } from './rollout.ts';
import { compareVersions, requireVersion } from './version.ts';
import { WATCH_ACTOR } from './watch-settings.ts';
import { listed, who } from './words.ts';

/** A requirement of a stage; `reason` says why it does not hold, null if it does. */
export interface PromotionGate {
  gate: string;
  passed: boolean;
  reason: string | null;
}

/** Begins the reason of a condition that could not be checked. */
export const QUERY_FAILED = 'the query failed';

/** A channel of a stage. `channel` is null if it does not exist; `report` also if it already serves the release. */
export interface StageChannel {
  name: string;
  channel: Channel | null;
  report: Report | null;
  /** The freeze or window that stands in the way of a move now; null if there is none. */
  closed?: string | null;
}

/** A control plane of a stage. `version` is null until it is reported; `report` also if it runs the release. */
export interface StageControlPlane {
  name: string;
  version: string | null;
  report: ControlPlaneReport | null;
}

/** Everything that a stage's gates are judged by. */
export interface StageFacts {
  release: Release;
  /** Control planes also stand for agents that go with them. */
  half: Half;
  /** Why the agents of the stage cannot have the release yet. */
  agentWait: AgentWait | null;
  /** Earlier stages whose agents went by themselves and were halted. */
  haltedBefore: { stage: string; halted: StageProgress['halted'] }[];
  stage: Stage;
  progress: StageStanding;
  /** The previous stage; null for the first one. */
  before: { name: string; progress: StageStanding } | null;
  /** Fixes under embargo that the stage's control planes run, and that the release does not say it includes. */
  missingFixes: string[];
  /** The releases before this one whose changes it brings to the stage. */
  predecessors: Release[];
  /** The channels of all earlier stages that are held. */
  heldBefore: { stage: string; channel: Pick<Channel, 'name' | 'hold' | 'served'> }[];
  channels: StageChannel[];
  controlPlanes: StageControlPlane[];
  conditions: PromotionGate[];
}

/**
 * Judges all gates before a stage starts (RFD 134, Cloud promotion process). They must still hold when it rolls,
 * because hours may pass until its control planes have been upgraded.
 */
export function startGates(facts: StageFacts): PromotionGate[] {
  const { release, stage, progress, before } = facts;
  const { state } = release.artifacts.controlPlane;
  const kind = requireVersion(release.version).kind;
  const open = unsignedChanges(release, facts.predecessors);
  return [
    ...(isEmpty(stage) ? [gate('not_empty', false, `stage ${stage.name} ${EMPTY}`)] : []),
    gate(
      'kind',
      stage.accepts.includes(kind),
      `stage ${stage.name} ${stage.purpose ? `is for ${stage.purpose} (RFD 12, Suffixes) and ` : ''}accepts only ${stage.accepts.join(' and ')} releases`,
    ),
    gate('artifacts', state === 'published', `the control plane's artifacts are ${state}; publish them`),
    ...(facts.missingFixes.length > 0 ? [includesFix(facts)] : []),
    gate('not_pulled', release.pulled === null, `the release was pulled: ${release.pulled?.reason}`),
    ...(facts.half === 'agents' ? [packages(facts)] : []),
    ...(before ? [previousStage(before, facts)] : []),
    ...(stage.signOff ? [gate('signed_off', open.length === 0, `not signed off: ${listed(open)}`)] : []),
    ...(stage.approval ? [gate('approved', progress.approved !== null, approvalNeeded(release))] : []),
    compatible(facts),
    ...facts.conditions,
  ];
}

/** The significant changes that a release brings with those before it, and that are not signed off. */
export const unsignedChanges = (release: Release, predecessors: readonly Release[]): string[] =>
  [release, ...predecessors].flatMap((each) => unsignedOf(each, each === release));

/** The kinds that a stage accepts override what it is for, which the log says. */
export const overrideOf = ({ name, purpose }: Stage, { version }: Pick<Release, 'version'>): string | null =>
  describeOverride(`stage ${name}`, { purpose, accepts: [requireVersion(version).kind] });

/** The change of a predecessor is named with its release; the numbers of one under embargo are part of the secret. */
function unsignedOf({ version, embargoed, changes }: Release, own: boolean): string[] {
  const open = changes.filter(({ significant, signedOff }) => significant && !signedOff);
  return open.map(({ pr }) => (own ? `${pr}` : `${embargoed ? 'a change' : pr} of ${version}`));
}

/**
 * The predecessors in `chain`, newest first, that the stage has not had: they are missing in what one of its channels
 * serves or, in a stage without channels, come after the newest one that completed it.
 */
export function missingPredecessors(
  chain: readonly Release[],
  stage: Pick<Stage, 'channels'>,
  served: readonly ReadonlySet<string>[],
  completed: (version: string) => boolean,
): Release[] {
  if (stage.channels.length > 0) return chain.filter(({ version }) => !served.every((each) => each.has(version)));
  const last = chain.findIndex(({ version }) => completed(version));
  return last < 0 ? [...chain] : chain.slice(0, last);
}

/** Follows the name of a stage. */
export const EMPTY = 'is empty; name its channels or control planes in promotion.stages, or remove it';

const approvalNeeded = ({ registered }: Release) =>
  `no release manager${registered ? ` other than ${who(registered.by)}` : ''} has approved this stage`;

function includesFix({ release, missingFixes: [fix = ''], stage }: StageFacts): PromotionGate {
  return gate('includes_fix', false, describeMissing(release.version, fix, `a control plane of stage ${stage.name}`));
}

/** Agents follow once they can install the release, and may know of it. */
function packages({ release, agentWait }: StageFacts): PromotionGate {
  const { version } = release;
  const why = agentWait && AGENT_WAIT_REASONS[agentWait](version);
  return gate('packages', agentWait === null, why ?? '');
}

const AGENT_WAIT_REASONS: Record<AgentWait, (version: string) => string> = {
  'no-packages': (version) => `no packages; publish them: fairway releases artifacts ${version} packages published`,
  embargoed: (version) => `${version} is under embargo; lift it first: fairway releases lift-embargo ${version}`,
};

/** A stage with a held channel is not passed: what a person took back from it must not go on to the next ones. */
function previousStage(
  { name, progress: { state } }: NonNullable<StageFacts['before']>,
  { half, heldBefore: held, haltedBefore }: StageFacts,
) {
  const why =
    state === 'empty'
      ? `stage ${name} ${EMPTY}`
      : `${half === 'agents' ? 'the agents of ' : ''}stage ${name} ${half === 'agents' ? 'are' : 'is'} ${state}; its soak time must have passed`;
  const incomplete = state === 'complete' ? [] : [why];
  const taken = held.map(
    ({ stage, channel }) => `channel ${channel.name} of stage ${stage} is ${describeHold(channel)}`,
  );
  const stopped = haltedBefore.map(
    ({ stage, halted }) => `the agents of stage ${stage} were halted by ${who(halted?.by ?? '')}: ${halted?.reason}`,
  );
  const reasons = [...incomplete, ...taken, ...stopped];
  return gate('previous_stage', reasons.length === 0, listed(reasons, '; '));
}

const doubtsIn = ({ report }: StageChannel) => doubtsOf(report);

const STRANDING: ReadonlySet<string> = new Set(AGENT_REASONS);

/**
 * "Any Cloud release must be always compatible with the oldest version of an agent that's connected to Cloud and
 * enrolled." A machine also waits while what sources say is in doubt; a person may go on.
 */
function compatible({ channels, controlPlanes }: StageFacts): PromotionGate {
  const stranded = channels.flatMap(({ name, report }) =>
    (report?.reasons ?? []).flatMap(({ reason, detail }) => (STRANDING.has(reason) ? [`${name}: ${detail}`] : [])),
  );
  const others = [...controlPlanes.flatMap(({ report }) => report?.reasons ?? []), ...channels.flatMap(doubtsIn)];
  const details = [...stranded, ...others.map(({ detail }) => detail)];
  return gate('compatible', details.length === 0, listed([...new Set(details)], '; '));
}

export const isBehind = ({ version }: Pick<StageControlPlane, 'version'>, release: Pick<Release, 'version'>): boolean =>
  version === null || compareVersions(version, release.version) < 0;

/** Control planes come first (RFD 109): each one of the stage must run this release or a later one. */
export function controlPlaneGate({ release, controlPlanes }: StageFacts): PromotionGate {
  const behind = controlPlanes.filter((plane) => isBehind(plane, release));
  const detail = listed(behind.map(({ name, version }) => `${name} reports ${version ?? 'nothing'}`));
  return gate('control_planes', behind.length === 0, `control planes must run ${release.version} first: ${detail}`);
}

/** The next step for a channel of a rolling stage. */
export type ChannelStep = { name: string } & ({ step: 'serves' | 'move' } | { step: 'blocked'; reason: string });

/** While a channel of this stage or of an earlier one is held, no channel of the stage moves. */
export function channelSteps({ release, channels, heldBefore }: StageFacts): ChannelStep[] {
  const held = [...heldBefore.map((each) => each.channel), ...channels.flatMap(({ channel }) => channel ?? [])];
  const holder = held.find(({ hold }) => hold !== null);
  return channels.map(({ name, channel, report, closed }) => {
    if (!channel) return { name, step: 'blocked', reason: 'the channel does not exist; create it' };
    // A rollout that is under way tells its target to some of the agents only.
    if (isRollingOut(channel)) return { name, step: 'blocked', reason: describeRollingOut(channel) };
    if (serves(channel, release.version)) return { name, step: 'serves' };
    if (isAhead(channel, release.version)) return { name, step: 'blocked', reason: aheadSentence(channel) };
    if (channel.pin)
      return { name, step: 'blocked', reason: `pinned by ${who(channel.pin.by)}: ${channel.pin.reason}` };
    const hold = describeHold(channel);
    if (hold) return { name, step: 'blocked', reason: hold };
    if (closed) return { name, step: 'blocked', reason: closed };
    if (channel.served.some(({ version }) => version === release.version)) {
      // The person who moved it away had a reason, so a promotion does not move it back.
      return { name, step: 'blocked', reason: `${channel.updatedBy} moved it away again; roll it forward by hand` };
    }
    const against = [...(report?.reasons ?? []), ...doubtsOf(report)];
    if (report?.allowed && against.length === 0) {
      return holder
        ? { name, step: 'blocked', reason: `waits for ${holder.name}, which is held` }
        : { name, step: 'move' };
    }
    return { name, step: 'blocked', reason: against.map(({ detail }) => detail).join('; ') };
  });
}

/**
 * Does the channel go on by itself at a time that is known: is it rolled out group by group, frozen, outside its window
 * (`closed` says so), or pinned until then? No person has to know of that.
 */
export function isScheduled({ hold, pin, progress }: Channel, closed: Closed | null): boolean {
  if (hold) return false;
  if (pin) return pin.until !== null;
  return closed !== null || Boolean(progress && isMoving(progress));
}

/**
 * Why the watch holds the channel because of this release, which it serves, or served until the watch took it back.
 * Null if it does not.
 */
export function stoppedByWatch(channel: Channel, version: string): string | null {
  const { hold, served } = channel;
  if (hold?.by !== WATCH_ACTOR) return null;
  return serves(channel, version) || served.at(-1)?.version === version ? hold.reason : null;
}

/** Does the channel serve this very release? Only that counts: a release that no agent runs teaches nothing. */
export const serves = ({ target }: Pick<Channel, 'target'>, version: string): boolean => target === version;

/** Does the channel serve a newer release, so that it can never be moved to `version`? */
export const isAhead = ({ target }: Pick<Channel, 'target'>, version: string): boolean =>
  target !== null && compareVersions(target, version) > 0;

export const aheadSentence = ({ name, target }: Pick<Channel, 'name' | 'target'>): string =>
  `${name} serves ${target}, which is newer`;

/**
 * Why the time since `since` (ISO 8601) is no soak of the release on the channel (undefined: there is none): it did not
 * serve this very release to all of its agents without a break. Null if it did.
 */
export function whyNotSoaked(
  name: string,
  channel: Channel | undefined,
  release: string,
  since: string | null,
): string | null {
  const left = `${name} no longer serves ${release}`;
  if (!channel || !serves(channel, release)) return left;
  if (channel.served.some(({ version, until }) => version === release && until > (since ?? ''))) {
    return `${left} without a break`;
  }
  return isRollingOut(channel) ? `${left} to all of its groups: ${describeRollingOut(channel)}` : null;
}

export function channelGate(facts: StageFacts): PromotionGate {
  const waiting = channelSteps(facts).filter(({ step }) => step !== 'serves');
  const detail = waiting.map((each) => `${each.name}: ${each.step === 'blocked' ? each.reason : 'not moved yet'}`);
  return gate('channels', waiting.length === 0, listed(detail, '; '));
}

const gate = (name: string, passed: boolean, reason: string): PromotionGate => ({
  gate: name,
  passed,
  reason: passed ? null : reason,
});
