import { type Channel, channelAt } from '../domain/channel.ts';
import { runningAt } from '../domain/control-plane.ts';
import { missingFixes } from '../domain/fixes.ts';
import { currentStage, type Promotion, type Stage, type StageStanding, standingOf } from '../domain/promotion.ts';
import {
  isAhead,
  missingPredecessors,
  type PromotionGate,
  type StageFacts,
  serves,
} from '../domain/promotion-gates.ts';
import { agentsProgress, agentWait, type Half, halfOf, stagesOf } from '../domain/promotion-halves.ts';
import { type Release, withPredecessors } from '../domain/release.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { StagesAt } from '../domain/tenant.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';
import { inSlices } from '../process/turns.ts';
import type { ControlPlanes } from './control-planes.ts';
import type { FleetReading } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { AskConditions } from './lasting-conditions.ts';

export interface FactsOptions {
  gate: Pick<Gate, 'assess' | 'closed'>;
  controlPlanes: Pick<ControlPlanes, 'assess'>;
  conditions: AskConditions;
  stagesAt: StagesAt;
  now: () => Date;
}

/** Gathers what the gates of one stage are judged by, with what is known of the agents. */
export type GatherFacts = (
  snapshot: Snapshot,
  release: Release,
  promotion: Promotion,
  stage: Stage,
  reading: FleetReading,
  how?: {
    half?: Half;
    /** Ask conditions again, because a step is to be taken. */
    fresh?: boolean;
  },
) => Promise<StageFacts>;

export function createFacts({ gate, controlPlanes, conditions, stagesAt, now }: FactsOptions): GatherFacts {
  async function judgeChannel(
    snapshot: Snapshot,
    release: Release,
    name: string,
    critical: boolean,
    reading: FleetReading,
  ) {
    const stored = snapshot.channels.get(name);
    const channel = stored ? channelAt(stored, now()) : null;
    const judged = channel && !serves(channel, release.version) && !isAhead(channel, release.version);
    const view = { snapshot, reading };
    if (!judged) return { name, channel, report: null };
    const report = await gate.assess(channel, requireVersion(release.version), view);
    return { name, channel, report, closed: gate.closed(channel, critical)?.detail ?? null };
  }

  async function judgeControlPlane(snapshot: Snapshot, release: Release, name: string, reading: FleetReading) {
    const version = snapshot.controlPlanes.get(name)?.version ?? null;
    const behind = version !== null && compareVersions(version, release.version) < 0;
    return { name, version, report: behind ? controlPlanes.assess(name, release.version, reading) : null };
  }

  return async (snapshot, release, promotion, { name }, reading, { half = 'control-planes', fresh = false } = {}) => {
    const stages = stagesAt(snapshot.controlPlanes);
    const own = stagesOf(half, promotion, stages);
    const stage = own.find((each) => each.name === name);
    if (!stage) throw new Error(`there is no stage ${name}`);
    const index = stages.findIndex((each) => each.name === name);
    const earlier = stages.slice(0, index);
    const before = earlier.findLast(({ channels }) => half === 'control-planes' || channels.length > 0);
    const its = halfOf(promotion, half);
    const progress = standingOf(its, stage);
    const critical = progress.started?.critical ?? false;
    const isTurn = currentStage(its, own)?.name === name;
    return {
      release,
      half,
      agentWait: agentWait(release, needsHelm(snapshot, stages[index] ?? stage)),
      haltedBefore: earlier.flatMap(({ name }) => {
        const { state, halted } = promotion.agents?.[name] ?? {};
        return state === 'halted' ? [{ stage: name, halted: halted ?? null }] : [];
      }),
      stage,
      progress,
      before: before ? { name: before.name, progress: standingBefore(promotion, half, before) } : null,
      missingFixes: missingFixes(snapshot.releases, requireVersion(release.version), runningIn(snapshot, stage)),
      predecessors: predecessorsOf(snapshot, release, stage),
      heldBefore: earlier.flatMap(({ name, channels }) =>
        heldOf(snapshot, channels).map((channel) => ({ stage: name, channel })),
      ),
      channels: await inSlices(stage.channels, (name) => judgeChannel(snapshot, release, name, critical, reading)),
      controlPlanes: await inSlices(stage.controlPlanes, (name) => judgeControlPlane(snapshot, release, name, reading)),
      conditions: await Promise.all(
        stage.conditions.map((condition) => (isTurn ? conditions.check(condition, { fresh }) : notYet(condition.name))),
      ),
    };
  };
}

const runningIn = ({ controlPlanes }: Snapshot, stage: Stage): string[] =>
  stage.controlPlanes.flatMap((name) => {
    const plane = controlPlanes.get(name);
    return plane ? runningAt(plane) : [];
  });

/** How the stage before stands for one half. */
const standingBefore = (promotion: Promotion, half: Half, before: Stage): StageStanding =>
  half === 'agents' ? agentsProgress(promotion, before.name) : standingOf(promotion, before);

/** Of each channel of the stage: do its agents need Helm charts? */
const needsHelm = ({ channels }: Snapshot, stage: Stage): boolean[] =>
  stage.channels.flatMap((name) => channels.get(name) ?? []).map((channel) => channel.needsHelm);

/** The releases before this one whose changes it brings, or brought, to the stage. */
export function predecessorsOf(
  { channels, promotions, releases }: Snapshot,
  { version }: Release,
  stage: Stage,
): Release[] {
  const [, ...chain] = withPredecessors(releases, version);
  const served = stage.channels.map((name) => {
    const target = targetBefore(channels.get(name), version) ?? '';
    return new Set(withPredecessors(releases, target).map((each) => each.version));
  });
  return missingPredecessors(chain, stage, served, (each) => {
    const promotion = promotions.get(each);
    return promotion !== undefined && standingOf(promotion, stage).state === 'complete';
  });
}

/** What the channel served before it got the release. */
const targetBefore = (channel: Channel | undefined, version: string): string | null | undefined =>
  channel?.target === version ? (channel.progress?.from ?? channel.lineage.at(-2)) : channel?.target;

const heldOf = ({ channels }: Snapshot, names: readonly string[]): Channel[] =>
  names.flatMap((name) => channels.get(name) ?? []).filter(({ hold }) => hold !== null);

/** A condition is checked only for the current stage, because its figures may change before a later stage starts. */
const notYet = (name: string): PromotionGate => {
  return { gate: `condition:${name}`, passed: false, reason: 'checked when this is the current stage' };
};
