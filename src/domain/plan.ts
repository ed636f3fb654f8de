import { plural } from './agent-findings.ts';
import { agentVersion } from './agent-version.ts';
import type { Population } from './census.ts';
import {
  type Act,
  type Channel,
  channelAt,
  describeHold,
  describeRollingOut,
  isRollingOut,
  movable,
  type Plan,
  rollForward,
  stamp,
} from './channel.ts';
import { doubtsOf, type RefusalReason, type Report } from './compatibility.ts';
import { FairwayError } from './errors.ts';
import { type Catalogue, versionsOf } from './release.ts';
import { isSameStop } from './release-line.ts';
import { bestStop } from './route.ts';
import { compareVersions, requireVersion, type Version } from './version.ts';
import { who } from './words.ts';

export const WAITING_REASONS = [
  'pinned',
  'held',
  'rollout',
  'frozen',
  'window',
  'evidence_stale',
  'evidence_settling',
  'control_plane',
  'agents_behind',
  'refused',
] as const;

/** Why a plan does not take its next step yet. */
export interface Waiting {
  reason: (typeof WAITING_REASONS)[number];
  detail: string;
}

/** Who takes the steps after the first. */
export const PLAN_ACTOR = 'system:plan';

/** What stands in the way of a plan's target now, and will not once the steps before it were taken. */
const PASSING: ReadonlySet<RefusalReason> = new Set([
  'agent_too_old',
  'legacy_skip',
  'target_ahead_of_control_plane',
  // It waits for those agents before it leaves the present major.
  'unknown_agent_version',
]);

/**
 * The steps from the channel's target to the one that `report` judges, which is the last of them; the present target is
 * the first where the route leads through it. Throws `refused` where a plan would not get there, and names the releases
 * of `catalogue` that were pulled on the way.
 */
export function planRoute(
  channel: Channel,
  target: Version,
  report: Report,
  catalogue: Catalogue = new Map(),
): Version[] {
  const lasting = report.reasons.filter(({ reason }) => !PASSING.has(reason));
  if (lasting.length > 0) throw refusal(target, lasting.map(({ detail }) => detail).join('; '), report);
  const skips = report.reasons.some(({ reason }) => reason === 'agent_too_old' || reason === 'legacy_skip');
  if (skips && !report.route) {
    const pulled = pulledBetween(report, target, catalogue);
    const why =
      pulled.length > 0 ? `, because ${pulled.join(' and ')} ${pulled.length === 1 ? 'was' : 'were'} pulled` : '';
    const todo = 'import the releases between, then try again';
    throw refusal(target, `the catalogue knows no way there${why}; ${todo}`, report);
  }
  const route = (report.route ?? [target.text]).map(requireVersion);
  const present = channel.target === null ? null : requireVersion(channel.target);
  if (!present) return route;
  const steps = route.filter((stop) => stop.text === present.text || isAfter(stop, present));
  const hasUnreadable = report.reasons.some(({ reason }) => reason === 'unknown_agent_version');
  // Where only the control plane or agents whose version cannot be read stand in the way, the plan is to wait for them.
  const waitsFirst = (steps.length === 1 && !report.allowed) || (hasUnreadable && steps[0]?.major !== present.major);
  return waitsFirst ? [present, ...steps] : steps;
}

/** At most three pulled releases between the oldest agent and the target, the newest first. */
function pulledBetween({ oldest }: Report, target: Version, catalogue: Catalogue): string[] {
  const from = oldest && agentVersion(oldest.version);
  if (!from) return [];
  return versionsOf(catalogue)
    .filter((stop) => catalogue.get(stop.text)?.pulled && isAfter(stop, from) && isAfter(target, stop))
    .slice(0, 3)
    .map(({ text }) => text);
}

/** What ends the way through a stop, however long the plan waits. */
const CLOSED: ReadonlySet<RefusalReason> = new Set(['release_pulled', 'release_embargoed', 'kind_not_accepted']);

/** Must the plan find another way, because its next stop will not be served? `report` is the gate's on that stop. */
export const isClosed = (report: Report): boolean => report.reasons.some(({ reason }) => CLOSED.has(reason));

/**
 * The plan by another way to the same target, or null where there is none. `report` is the gate's on the target. Throws
 * `refused` where a plan would not get there.
 */
export function reroute(channel: Channel, report: Report): Plan | null {
  const { plan, target } = channel;
  if (!plan || target === null) return null;
  const steps = planRoute(channel, requireVersion(plan.target), report).map(({ text }) => text);
  const route = steps[0] === target ? steps : [target, ...steps];
  return route[1] === plan.route[plan.step + 1] ? null : { ...plan, route, step: 0 };
}

/**
 * The plan with better stops, or null where it has the best: for each that is still to come, but for the target that a
 * person named, the newest release that may be served there (`stops`, newest first), stable before pre-releases.
 * `reason` says which take the place of which.
 */
export function refresh(
  plan: Plan,
  stops: readonly Version[],
  catalogue: Catalogue,
): { plan: Plan; reason: string } | null {
  const allowed = new Set(stops.map(({ text }) => text));
  const news: string[] = [];
  const route = plan.route.map((text, index) => {
    if (index <= plan.step || index === plan.route.length - 1) return text;
    const [before, stop] = [requireVersion(plan.route[index - 1] ?? text), requireVersion(text)];
    // What the catalogue has forgotten is served as it was.
    if (!catalogue.has(text)) return text;
    const later = stops.filter((each) => isAfter(each, before));
    const best = bestStop(later, stop);
    if (!best || best.text === text) return text;
    const why = allowed.has(text)
      ? `instead of ${text}${fixes(catalogue, stop, best)}`
      : `because ${text} is not served`;
    news.push(`stops at ${best.text} ${why}`);
    return best.text;
  });
  if (news.length === 0) return null;
  return { plan: { ...plan, route }, reason: `the plan to ${plan.target} ${news.join(', and ')}` };
}

/**
 * The release of the present stop that fixes a vulnerability of the one that is served, while the plan waits there;
 * null if there is none. `stops` are newest first.
 */
export function fixOfStop({ plan, target }: Channel, stops: readonly Version[], catalogue: Catalogue): Version | null {
  if (!plan || target === null) return null;
  const present = requireVersion(target);
  const best = bestStop(
    stops.filter((stop) => isAfter(stop, present)),
    present,
  );
  return best && fixes(catalogue, present, best) !== '' ? best : null;
}

/** Says that a release after `from`, up to `to` of the same stop, fixes a vulnerability; empty if none does. */
function fixes(catalogue: Catalogue, from: Version, to: Version): string {
  const isSecurity = (version: Version) => catalogue.get(version.text)?.security === true;
  const between = versionsOf(catalogue).filter(
    (each) => isSameStop(each, to) && isAfter(each, from) && !isAfter(each, to),
  );
  return between.some(isSecurity) ? ', which has a security fix' : '';
}

/**
 * Moves the target to the first step, if it is not there, and keeps the rest; lets go of a hold. Throws as
 * `rollForward`.
 */
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
      ? { ...movable(channel, at), hold: null, ...stamp(act) }
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
 * shows that it would strand no enrolled agent, and the control plane allows it; `closed` is the freeze or window that
 * stands in its way. Agents come first, since the control
 * plane must wait for them too.
 */
export function waitingFor(
  channel: Channel,
  report: Report,
  marks: Population['marks'],
  at: Date,
  closed: Waiting | null = null,
): Waiting | null {
  const { pin } = channelAt(channel, at);
  if (pin) return { reason: 'pinned', detail: `pinned by ${who(pin.by)}: ${pin.reason}` };
  const held = describeHold(channel);
  if (held) return { reason: 'held', detail: held };
  if (isRollingOut(channel)) return { reason: 'rollout', detail: describeRollingOut(channel) };
  if (closed?.reason === 'frozen') return closed;
  if (!report.evidence.some(({ complete, fresh }) => complete && fresh)) {
    const stale = report.warnings.filter(({ reason }) => reason === 'evidence_stale').map(({ detail }) => detail);
    const none = `no source knows all agents of ${channel.name}; import an inventory: fairway inventory import FILE -c ${channel.name}`;
    return { reason: 'evidence_stale', detail: stale.join('; ') || none };
  }
  const behind = report.reasons.filter(({ reason }) => reason === 'agent_too_old' || reason === 'legacy_skip');
  const unreadable = report.reasons.find(({ reason }) => reason === 'unknown_agent_version');
  if (behind.length > 0 || unreadable) {
    const count = [...new Map(behind.map((finding) => [finding.version, finding.count ?? 0])).values()].reduce(
      (sum, each) => sum + each,
      0,
    );
    const parts = [
      ...(count > 0 ? [`${count} ${plural(count)} below ${requireVersion(report.target).major - 1}.0.0`] : []),
      ...(unreadable ? [`${unreadable.count} ${plural(unreadable.count ?? 0)} whose version cannot be read`] : []),
    ];
    return { reason: 'agents_behind', detail: `waiting for ${parts.join(' and ')}${heldBack(marks)}` };
  }
  const doubts = doubtsOf(report);
  if (doubts.length > 0) return { reason: 'evidence_settling', detail: doubts.map(({ detail }) => detail).join('; ') };
  const plane =
    report.reasons.find(({ reason }) => reason === 'target_ahead_of_control_plane') ??
    report.warnings.find(({ reason }) => reason === 'control_plane_unknown');
  if (plane) return { reason: 'control_plane', detail: plane.detail };
  if (!report.allowed) return { reason: 'refused', detail: report.reasons.map(({ detail }) => detail).join('; ') };
  // Last: a window opens by itself, so whatever else is missing must be said while it is closed.
  return closed;
}

/** "3 of the channel's agents are pinned on their host": they will not move by themselves. */
function heldBack({ pinned, disabled, unreadable, failing, reverted }: Population['marks']): string {
  const parts = [
    ...(pinned > 0 ? [`${pinned} pinned on their host`] : []),
    ...(disabled > 0 ? [`${disabled} with a disabled updater`] : []),
    ...(unreadable > 0 ? [`${unreadable} with an unreadable updater`] : []),
    ...(failing > 0 ? [`${failing} with a failing updater`] : []),
    ...(reverted > 0 ? [`${reverted} that went back by themselves`] : []),
  ];
  return parts.length === 0 ? '' : `; the channel has ${parts.join(', ')}`;
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

/** Moves the target to a release that takes the place of the present stop; the plan goes on from there. */
export function takeFix(channel: Channel, fix: Version, at: Date): { channel: Channel; reason: string } {
  const { plan, target } = channel;
  if (!plan) throw new Error(`${channel.name} has no plan`);
  const reason = `${fix.text} has a security fix, so the plan to ${plan.target} waits there instead of at ${target}`;
  const moved = rollForward(channel, fix, plan.critical, { by: PLAN_ACTOR, at, reason });
  return { channel: { ...moved, plan: { ...plan, route: plan.route.with(plan.step, fix.text) } }, reason };
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
