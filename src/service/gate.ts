import { type Channel, presentTarget, type ServedTarget } from '../domain/channel.ts';
import { assess, type ControlPlaneState, mayOverride, type Report } from '../domain/compatibility.ts';
import { highestOf, lastChange, lowestOf, runningAt } from '../domain/control-plane.ts';
import { derivedOnce } from '../domain/derived.ts';
import { seesEmbargoed, visibleTo, withoutEmbargo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import {
  type Closed,
  closedAt,
  describeFreeze,
  type Freeze,
  frozenBy,
  type Holding,
  ofSettings,
  type TargetMove,
  targetMove,
} from '../domain/freeze.ts';
import { asHolding, FREEZES_KEY, type GlobalFreezes } from '../domain/global-freeze.ts';
import { whyNotPromoted } from '../domain/not-promoted.ts';
import type { Stage } from '../domain/promotion.ts';
import { type Actor, isMachine, may, requirePermission } from '../domain/role.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Document } from '../domain/store.ts';
import { assessTools, findToolsFallback } from '../domain/tools.ts';
import { requireVersion, type Version } from '../domain/version.ts';
import type { ChangeRequest } from './change.ts';
import { type Cleared, issueClearance, needsClearance } from './cleared.ts';
import type { Fleet, FleetReading } from './fleet.ts';
import type { State } from './state.ts';

/** Counts refusals for Prometheus. */
export interface GateObserver {
  targetRefused(channel: string, report: Report): void;
}

/** What a verdict is made with. */
export interface GateView {
  /** The state after a change that is being judged; by default the present one. */
  snapshot?: Snapshot | undefined;
  /** The caller: some must not learn of an embargo. */
  asker?: Actor | undefined;
  /** A roll-back, a pull's way back, a pin where the target is: agents that are stranded already do not refuse it. */
  wayOut?: boolean | undefined;
  /** What is known of the agents, for a change of many channels or for a look; by default the gate reads it anew. */
  reading?: FleetReading | undefined;
}

/** What the gate decided about a change of a channel. */
export interface Verdict {
  /** Null if the change needed no verdict. */
  report: Report | null;
  /** Did an admin accept to strand agents? */
  overridden: boolean;
  cleared: Cleared | null;
  /** The freeze that an admin overrode; unset if there was none. */
  thawed?: Holding | undefined;
}

/** Stands before every change of what agents are served, or of what they are judged by. */
export interface Gate {
  /** The verdict on `channel`, stored or not, serving `target`. */
  assess(channel: Channel, target: Version, view?: GateView): Promise<Report>;
  /**
   * Judges the change of a channel from `before` (null: there was none; `former` is the control plane of one that was
   * deleted) to `after`. Throws `refused` with the report unless the gate allows it, or an admin accepts to strand
   * exactly the number of agents that the report gives (`accepted`); and `frozen` where a freeze holds.
   */
  clear(
    before: Channel | null,
    after: Channel,
    request: Pick<ChangeRequest, 'actor' | 'dryRun'>,
    view?: GateView & {
      accepted?: number | undefined;
      former?: string | null | undefined;
      /** Former targets to presume agents at, if not those of the channel. */
      served?: ServedTarget[] | undefined;
      /** `override`: an admin moves a frozen channel. `ignore`: a pull, or the recovery of a state. */
      freeze?: 'override' | 'ignore' | undefined;
      /** The command that an admin repeats with `--override-freeze`; by default that of a roll-forward or roll-back. */
      again?: string | undefined;
      /** Freezes count as of then; by default as of now. */
      moment?: Date | undefined;
    },
  ): Promise<Verdict>;
  /** Throws as `clear` does, for a change that stores no target. Returns whether an admin had to accept it. */
  enforce(
    channel: string,
    report: Report,
    request: Pick<ChangeRequest, 'actor' | 'dryRun'>,
    accepted?: number,
  ): boolean;
  /** Why no automatic move of the channel may begin now; null if it may. Its freezes and its window decide. */
  closed(channel: Channel, critical: boolean): Closed | null;
  /** Throws `frozen` where a freeze holds, unless an admin overrides it; returns the freeze that was overridden. */
  requireThawed(
    channel: Channel,
    critical: boolean,
    actor: Actor,
    override: boolean,
    /** The command that an admin repeats with `--override-freeze`. */
    again: string,
  ): Holding | null;
  /** Throws `refused` or `not_promoted` unless the channel may serve its client tools the version that is set for them. */
  enforceTools(channel: Channel, view: GateView): void;
  /** What the channel may serve its client tools below `bad`, a release that is pulled; null: nothing. */
  toolsFallback(channel: Channel, bad: Version): Version | null;
}

export interface GateOptions {
  state: Pick<State, 'snapshot'>;
  fleet: Pick<Fleet, 'read'>;
  /** Refuse releases that the catalogue does not hold. */
  strictCatalogue: boolean;
  /** Milliseconds for which plans and promotions wait after a control plane changed. */
  settleFor: number;
  /** Control planes that a source reads: a new channel may name one before it was read for the first time. */
  awaited: ReadonlySet<string>;
  /** The stages of the settings: a channel of one is moved by hand only to what has reached it. */
  stages: readonly Stage[];
  /** Those of the settings, which hold for all channels. */
  freezes: readonly Freeze[];
  observer: GateObserver;
  now: () => Date;
}

export function createGate(options: GateOptions): Gate {
  const { state, fleet, strictCatalogue, settleFor, awaited, stages, observer, now } = options;
  const configured = ofSettings(options.freezes);
  // Each channel of a list asks for them.
  const withStored = derivedOnce(({ value }: Document) => [...configured, ...asHolding(value as GlobalFreezes)]);
  /** The freezes of all channels, as they stand: those of the settings and those that people added. */
  const freezes = (): readonly Holding[] => {
    const stored = state.snapshot().documents.get(FREEZES_KEY);
    return stored ? withStored(stored) : configured;
  };
  const shown = <R extends Pick<Report, 'target' | 'reasons'>>(report: R, asker: Actor | undefined): R =>
    asker && !seesEmbargoed(asker) ? withoutEmbargo(report) : report;

  async function judge(
    channel: Channel,
    target: Version,
    { snapshot = state.snapshot(), asker, wayOut = false, reading }: GateView,
    former?: string | null,
  ): Promise<Report> {
    const { releases } = snapshot;
    const { accepts, purpose, needsHelm } = channel;
    const present = presentTarget(channel);
    const situation = {
      channel: channel.name,
      present: present === null ? null : requireVersion(present),
      wayOut,
      settleFor,
      now: now().getTime(),
      ...(former === undefined ? {} : { former: planeOf(snapshot, former) }),
    };
    const plane = snapshot.controlPlanes.get(channel.controlPlane ?? '');
    const running = plane && !wayOut ? runningAt(plane) : [];
    const policy = { accepts, purpose, needsHelm, catalogue: releases, strict: strictCatalogue, running };
    const population = (reading ?? (await fleet.read())).population(channel, snapshot);
    return shown(assess(target, population, planeOf(snapshot, channel.controlPlane), policy, situation), asker);
  }

  const enforce: Gate['enforce'] = (channel, report, { actor, dryRun }, accepted) => {
    if (report.allowed) return false;
    if (accepted !== undefined) requirePermission(actor, 'accept-stranding');
    if (accepted !== undefined && mayOverride(report, accepted)) return true;
    if (!dryRun) observer.targetRefused(channel, report);
    const code = report.reasons.every(({ reason }) => reason === 'not_promoted') ? 'not_promoted' : 'refused';
    throw new FairwayError(code, describeRefusal(channel, report, accepted), { report });
  };

  /** Why a person should not move the channel to `goal`, as far as they may know; null: nothing, or it is a machine. */
  function barOf(channel: Channel, goal: Version, asker: Actor, snapshot: Snapshot): string | null {
    if (isMachine(asker.name)) return null;
    const { promotions } = snapshot;
    return whyNotPromoted(channel, goal, { stages, releases: visibleTo(snapshot.releases, asker), promotions });
  }

  /**
   * The report for a person who would move the channel to `goal` by hand. A machine goes its own way, and a way out is
   * never barred.
   */
  function withPromotion(report: Report, channel: Channel, goal: Version, view: GateView): Report {
    const { asker, wayOut = false, snapshot = state.snapshot() } = view;
    const detail = asker && !wayOut ? barOf(channel, goal, asker, snapshot) : null;
    if (!asker || detail === null) return report;
    const finding = { reason: 'not_promoted', detail } as const;
    if (may(asker, 'skip-promotion')) return { ...report, warnings: [...report.warnings, finding] };
    return { ...report, allowed: false, reasons: [...report.reasons, finding] };
  }

  function thaw(
    channel: Channel,
    move: TargetMove,
    actor: Actor,
    override: boolean,
    again = `fairway ${move === 'roll-back' ? 'roll-back' : 'roll-forward'} ${channel.name} VERSION`,
    moment = now(),
  ): Holding | null {
    const freeze = frozenBy(channel, freezes(), moment, move);
    if (!freeze) return null;
    if (override) requirePermission(actor, 'override-freeze');
    if (override) return freeze;
    const how = `to move it anyway, an admin uses overrideFreeze: ${again} --override-freeze`;
    const end = freeze.end ? `; to end it for all channels: ${freeze.end}` : '';
    throw new FairwayError('frozen', `${channel.name} is ${describeFreeze(freeze)}${end}; ${how}`);
  }

  return {
    assess: async (channel, target, view = {}) =>
      withPromotion(await judge(channel, target, view), channel, target, view),
    enforce,
    closed: (channel, critical) => closedAt(channel, freezes(), now(), critical),
    requireThawed: (channel, critical, actor, override, again) =>
      thaw(channel, critical ? 'critical' : 'forward', actor, override, again),

    async clear(
      before,
      after,
      request,
      { accepted, former = before?.controlPlane, served, freeze, again, moment, ...view } = {},
    ) {
      const move = freeze === 'ignore' ? null : targetMove(before, after);
      // The freezes that stood before count: a document does not lift one and move the target at once.
      const override = freeze === 'override';
      const thawed = (move && before && thaw(before, move, request.actor, override, again, moment)) ?? undefined;
      const isAwaited = former === null && after.controlPlane !== null && awaited.has(after.controlPlane);
      const leaves = former !== undefined && former !== after.controlPlane && !isAwaited;
      if (!leaves && !needsClearance(before ?? undefined, after))
        return { report: null, overridden: false, cleared: null };
      const cleared = issueClearance(after);
      const { controlPlane } = after;
      const { controlPlanes } = view.snapshot ?? state.snapshot();
      const isKnown = controlPlane !== null && controlPlanes.has(controlPlane);
      const target = after.target ?? (isKnown ? null : presentTarget(after));
      if (target === null) {
        // No agent is served anything, and none was.
        if (controlPlane === null || isKnown || isAwaited) return { report: null, overridden: false, cleared, thawed };
        throw new FairwayError('refused', unknownPlane(controlPlane));
      }
      const base = before ?? { ...after, target: null, lineage: [] };
      const judged = { ...base, ...settingsOf(after), controlPlane, served: served ?? base.served };
      const stays = target === before?.target;
      const by = { asker: request.actor, ...view, wayOut: view.wayOut || stays };
      const found = await judge(judged, requireVersion(target), by, leaves ? former : undefined);
      // A plan is judged by where it leads, because its later steps are taken by a machine.
      const report = withPromotion(found, judged, requireVersion(after.plan?.target ?? target), by);
      return { report, overridden: enforce(after.name, report, request, accepted), cleared, thawed };
    },

    toolsFallback(channel, bad) {
      const snapshot = state.snapshot();
      const policy = { accepts: channel.accepts, catalogue: snapshot.releases, strict: strictCatalogue };
      return findToolsFallback(bad, channel, policy, planeOf(snapshot, channel.controlPlane));
    },

    enforceTools(channel, { snapshot = state.snapshot(), asker }) {
      const { name, accepts, toolsVersion, controlPlane } = channel;
      if (!toolsVersion) return;
      const policy = { accepts, catalogue: snapshot.releases, strict: strictCatalogue };
      const { target, reasons } = shown(
        assessTools(requireVersion(toolsVersion), policy, planeOf(snapshot, controlPlane)),
        asker,
      );
      const bar =
        asker && !may(asker, 'skip-promotion') ? barOf(channel, requireVersion(target), asker, snapshot) : null;
      if (reasons.length === 0 && bar === null) return;
      const why = [...reasons.map(({ detail }) => detail), ...(bar === null ? [] : [bar])].join('; ');
      const code = reasons.length === 0 ? 'not_promoted' : 'refused';
      throw new FairwayError(code, `${target} is refused for the client tools of ${name}: ${why}`);
    },
  };
}

const unknownPlane = (name: string) =>
  `the version of control plane ${name} is not known; record it first: fairway control-planes report ${name} VERSION`;

const settingsOf = ({ accepts, purpose, needsHelm }: Channel) => ({ accepts, purpose, needsHelm });

function planeOf({ controlPlanes }: Snapshot, name: string | null): ControlPlaneState | null {
  if (name === null) return null;
  const plane = controlPlanes.get(name);
  if (!plane) return { name, version: null };
  const version = requireVersion(lowestOf(plane));
  return { name, version, highest: requireVersion(highestOf(plane)), changedAt: lastChange(plane) };
}

function describeRefusal(channel: string, report: Report, accepted: number | undefined): string {
  const { target, stranded, agents, reasons, warnings, route } = report;
  const why = reasons.map(({ detail }) => detail).join('; ');
  const barred = warnings.some(({ reason }) => reason === 'route_behind_control_plane');
  const way = route && !barred ? ` The way there: ${route.join(', ')}.` : '';
  const mismatch = ` Accepting ${accepted} does not help: the report gives ${stranded}, so accept that number.`;
  const unbreakable = ' A pulled or embargoed release is never served, whatever is accepted.';
  const override = accepted === undefined ? '' : accepted === stranded ? unbreakable : mismatch;
  const where = stranded === 0 ? '' : `, where it would strand ${stranded} of ${agents} agents`;
  return `${target} is refused for ${channel}${where}: ${why}.${way}${override}`;
}
