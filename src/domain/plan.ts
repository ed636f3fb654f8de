import { type Act, type Channel, channelAt, movable, type Plan, rollForward, stamp } from './channel.ts';
import type { RefusalReason, Report } from './compatibility.ts';
import { FairwayError } from './errors.ts';
import { compareVersions, requireVersion, type Version } from './version.ts';

export const WAITING_REASONS = ['pinned', 'evidence_stale', 'control_plane', 'agents_behind', 'refused'] as const;

/** Why a plan does not take its next step yet. */
export interface Waiting {
  reason: (typeof WAITING_REASONS)[number];
  detail: string;
}

/** Who takes the steps after the first. */
export const PLAN_ACTOR = 'system:plan';

/** What stands in the way of a plan's target now, and will not once the steps before it were taken. */
const PASSING: ReadonlySet<RefusalReason> = new Set(['agent_too_old', 'legacy_skip', 'target_ahead_of_control_plane']);

/**
 * The steps from the channel's target to the one that `report` judges, which is the last of them; the present target is
 * the first where the route leads through it. Throws `refused` where a plan would not get there.
 */
export function planRoute(channel: Channel, target: Version, report: Report): Version[] {
  const lasting = report.reasons.filter(({ reason }) => !PASSING.has(reason));
  if (lasting.length > 0) throw refusal(target, lasting.map(({ detail }) => detail).join('; '), report);
  const skips = report.reasons.some(({ reason }) => reason === 'agent_too_old' || reason === 'legacy_skip');
  if (skips && !report.route) {
    throw refusal(target, 'the catalogue knows no way there; import the releases between, then try again', report);
  }
  const route = (report.route ?? [target.text]).map(requireVersion);
  const present = channel.target === null ? null : requireVersion(channel.target);
  return present ? route.filter((stop) => stop.text === present.text || isAfter(stop, present)) : route;
}

/** Moves the target to the first step, if it is not there, and keeps the rest. Throws as `rollForward`. */
export function startPlan(channel: Channel, route: readonly Version[], critical: boolean, act: Act): Channel {
  const [first, last] = [route[0], route.at(-1)];
  if (!first || !last || route.length < 2) throw new Error('a plan has at least two steps');
  const { by, at, reason } = act;
  const steps = route.map(({ text }) => text);
  const plan = {
    target: last.text,
    route: steps,
    step: 0,
    critical,
    startedBy: by,
    startedAt: at.toISOString(),
    reason,
  };
  const moved =
    first.text === channel.target
      ? { ...movable(channel, at), ...stamp(act) }
      : rollForward(channel, first, critical, act);
  return { ...moved, plan };
}

/** When the channel's plan came to the step that it is at (ISO 8601); null without a plan. */
export function stepSince({ plan, served }: Channel): string | null {
  if (!plan) return null;
  // A step moves the target, so the one before it is served no more since then.
  const moved = served.at(-1)?.until;
  return moved && moved > plan.startedAt ? moved : plan.startedAt;
}

/** The version that a plan's next step leads to. */
export function nextStep({ route, step }: Plan): Version {
  return requireVersion(route[step + 1] ?? '');
}

/**
 * Why the next step must wait, by the gate's report on it, or null when it may be taken: complete and fresh evidence
 * shows that it would strand no enrolled agent, and the control plane allows it. Agents come first, since the control
 * plane must wait for them too.
 */
export function waitingFor(channel: Channel, report: Report, at: Date): Waiting | null {
  const { pin } = channelAt(channel, at);
  if (pin) return { reason: 'pinned', detail: `pinned by ${pin.by}: ${pin.reason}` };
  if (!report.evidence.some(({ complete, fresh }) => complete && fresh)) {
    const detail = 'no complete source is fresh; import an inventory, or see to the sources';
    return { reason: 'evidence_stale', detail };
  }
  const behind = report.reasons.filter(({ reason }) => reason === 'agent_too_old' || reason === 'legacy_skip');
  if (behind.length > 0) {
    const count = [...new Map(behind.map((finding) => [finding.version, finding.count ?? 0])).values()].reduce(
      (sum, each) => sum + each,
      0,
    );
    const agents = `${count} ${count === 1 ? 'agent' : 'agents'}`;
    const detail = `waiting for ${agents} below ${requireVersion(report.target).major - 1}.0.0`;
    return { reason: 'agents_behind', detail };
  }
  const plane =
    report.reasons.find(({ reason }) => reason === 'target_ahead_of_control_plane') ??
    report.warnings.find(({ reason }) => reason === 'control_plane_unknown');
  if (plane) return { reason: 'control_plane', detail: plane.detail };
  if (report.allowed) return null;
  return { reason: 'refused', detail: report.reasons.map(({ detail }) => detail).join('; ') };
}

/** Moves the target to the next step; with the last one the plan is done. Throws as `rollForward`. */
export function takeNextStep(channel: Channel, at: Date): { channel: Channel; reason: string } {
  const { plan } = channel;
  if (!plan) throw new Error(`${channel.name} has no plan`);
  const { route, step, target, startedBy } = plan;
  const reason = `step ${step + 2} of ${route.length} of the plan to ${target} that ${startedBy} started: ${plan.reason}`;
  const moved = rollForward(channel, nextStep(plan), plan.critical, { by: PLAN_ACTOR, at, reason });
  const done = step + 2 >= route.length;
  return { channel: { ...moved, plan: done ? null : { ...plan, step: step + 1 } }, reason };
}

/** Ends the plan; the target stays where it is. Throws `not_found` where there is none. */
export function cancelPlan(channel: Channel, act: Act): Channel {
  if (!channel.plan) throw new FairwayError('not_found', `${channel.name} has no plan that could be cancelled`);
  return { ...channel, plan: null, ...stamp(act) };
}

/** Does the plan, which a document may hold, go on from this target? */
export function continues({ route, step }: Plan, target: string | null): boolean {
  return route[step] === target && step + 1 < route.length;
}

const isAfter = (a: Version, b: Version) => compareVersions(a, b) > 0;

const refusal = (target: Version, why: string, report: Report) =>
  new FairwayError('refused', `a plan to ${target.text} would not get there: ${why}`, { report });
