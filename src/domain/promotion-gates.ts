import { AGENT_REASONS } from './agent-findings.ts';
import type { Channel } from './channel.ts';
import { doubtsOf, type Report } from './compatibility.ts';
import type { ControlPlaneReport } from './control-plane.ts';
import type { Stage, StageProgress } from './promotion.ts';
import type { Release } from './release.ts';
import { compareVersions, requireVersion } from './version.ts';

/** A requirement of a stage; `reason` says why it does not hold, null if it does. */
export interface PromotionGate {
  gate: string;
  passed: boolean;
  reason: string | null;
}

/** A channel of a stage. `channel` is null if it does not exist; `report` also if it already serves the release. */
export interface StageChannel {
  name: string;
  channel: Channel | null;
  report: Report | null;
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
  stage: Stage;
  progress: StageProgress;
  /** The previous stage; null for the first one. */
  before: { name: string; progress: StageProgress } | null;
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
  const open = release.changes.filter(({ significant, signedOff }) => significant && !signedOff).map(({ pr }) => pr);
  return [
    gate(
      'kind',
      stage.accepts.includes(kind),
      `stage ${stage.name} accepts only ${stage.accepts.join(' and ')} releases`,
    ),
    gate('artifacts', state === 'published', `the control plane's artifacts are ${state}; publish them`),
    gate('not_pulled', release.pulled === null, `the release was pulled: ${release.pulled?.reason}`),
    ...(before ? [previousStage(before.name, before.progress)] : []),
    ...(stage.signOff ? [gate('signed_off', open.length === 0, `not signed off: ${open.join(', ')}`)] : []),
    ...(stage.approval ? [gate('approved', progress.approved !== null, approvalNeeded(release))] : []),
    compatible(facts),
    ...facts.conditions,
  ];
}

const approvalNeeded = ({ registered }: Release) =>
  `no release manager${registered ? ` other than ${registered.by}` : ''} has approved this stage`;

const previousStage = (name: string, { state }: StageProgress) =>
  gate('previous_stage', state === 'complete', `stage ${name} is ${state}; its soak time must have passed`);

const STRANDING: ReadonlySet<string> = new Set(AGENT_REASONS);

/**
 * "Any Cloud release must be always compatible with the oldest version of an agent that's connected to Cloud and enrolled."
 * A machine also waits while what sources say is in doubt; a person may go on.
 */
function compatible({ channels, controlPlanes }: StageFacts): PromotionGate {
  const stranded = channels.flatMap(({ report }) =>
    (report?.reasons ?? []).filter(({ reason }) => STRANDING.has(reason)),
  );
  const refused = controlPlanes.flatMap(({ report }) => report?.reasons ?? []);
  const details = [...stranded, ...refused, ...channels.flatMap(({ report }) => doubtsOf(report))];
  return gate('compatible', details.length === 0, [...new Set(details.map(({ detail }) => detail))].join('; '));
}

/** Control planes come first (RFD 109): each one of the stage must run this release or a later one. */
export function controlPlaneGate({ release, controlPlanes }: StageFacts): PromotionGate {
  const behind = controlPlanes.filter(({ version }) => !version || compareVersions(version, release.version) < 0);
  const detail = behind.map(({ name, version }) => `${name} reports ${version ?? 'nothing'}`).join(', ');
  return gate('control_planes', behind.length === 0, `control planes must run ${release.version} first: ${detail}`);
}

/** The next step for a channel of a rolling stage. */
export type ChannelStep = { name: string } & ({ step: 'serves' | 'move' } | { step: 'blocked'; reason: string });

export function channelSteps({ release, channels }: StageFacts): ChannelStep[] {
  return channels.map(({ name, channel, report }) => {
    if (!channel) return { name, step: 'blocked', reason: 'the channel does not exist; create it' };
    if (serves(channel, release.version)) return { name, step: 'serves' };
    if (channel.pin) return { name, step: 'blocked', reason: `pinned by ${channel.pin.by}: ${channel.pin.reason}` };
    if (channel.served.some(({ version }) => version === release.version)) {
      // The person who moved it away had a reason, so a promotion does not move it back.
      return { name, step: 'blocked', reason: `${channel.updatedBy} moved it away again; roll it forward by hand` };
    }
    const against = [...(report?.reasons ?? []), ...doubtsOf(report)];
    if (report?.allowed && against.length === 0) return { name, step: 'move' };
    return { name, step: 'blocked', reason: against.map(({ detail }) => detail).join('; ') };
  });
}

/** Does the channel serve `version` or a later one? */
export const serves = ({ target }: Channel, version: string): boolean =>
  target !== null && compareVersions(target, version) >= 0;

export function channelGate(facts: StageFacts): PromotionGate {
  const waiting = channelSteps(facts).filter(({ step }) => step !== 'serves');
  const detail = waiting.map((each) => `${each.name}: ${each.step === 'blocked' ? each.reason : 'not moved yet'}`);
  return gate('channels', waiting.length === 0, detail.join('; '));
}

const gate = (name: string, passed: boolean, reason: string): PromotionGate => ({
  gate: name,
  passed,
  reason: passed ? null : reason,
});
