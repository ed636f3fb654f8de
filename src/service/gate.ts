import type { Channel } from '../domain/channel.ts';
import { assess, mayOverride, type Report } from '../domain/compatibility.ts';
import { seesEmbargoed, withoutEmbargo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Actor, requirePermission } from '../domain/role.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { assessTools } from '../domain/tools.ts';
import { requireVersion, type Version } from '../domain/version.ts';
import type { ChangeRequest } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { State } from './state.ts';

/** Told of what Prometheus counts. */
export interface GateObserver {
  targetRefused(channel: string, report: Report): void;
}

/** What a verdict is seen by. */
export interface GateView {
  /** A state that is to be; by default the present one. */
  snapshot?: Snapshot;
  /** Who asks: some must not learn of an embargo. */
  asker?: Actor;
}

/** Stands before every change of a target. */
export interface Gate {
  /** The verdict on `channel`, stored or not, serving `target`. */
  assess(channel: Channel, target: Version, view?: GateView): Promise<Report>;
  /**
   * Throws `refused` with the report unless it allows the target, or an admin accepts to strand just as many agents as
   * it says (`accepted`). Returns whether that was needed.
   */
  enforce(channel: string, report: Report, request: ChangeRequest, accepted?: number): boolean;
  /** Throws `refused` unless the channel's client tools may be told to run the version that is set for them. */
  enforceTools(channel: Channel, view: GateView): void;
}

export interface GateOptions {
  state: State;
  fleet: Pick<Fleet, 'population'>;
  /** Refuse releases that the catalogue does not hold. */
  strictCatalogue: boolean;
  observer: GateObserver;
}

export function createGate({ state, fleet, strictCatalogue, observer }: GateOptions): Gate {
  const shown = <R extends Pick<Report, 'target' | 'reasons'>>(report: R, asker: Actor | undefined): R =>
    asker && !seesEmbargoed(asker) ? withoutEmbargo(report) : report;

  return {
    async assess(channel, target, { snapshot = state.snapshot(), asker } = {}) {
      const { controlPlanes, releases } = snapshot;
      const name = channel.controlPlane;
      const reported = name === null ? undefined : controlPlanes.get(name)?.version;
      const plane = name === null ? null : { name, version: reported === undefined ? null : requireVersion(reported) };
      const { accepts, needsHelm } = channel;
      const policy = { accepts, needsHelm, catalogue: releases, strict: strictCatalogue };
      return shown(assess(target, await fleet.population(channel), plane, policy), asker);
    },

    enforce(channel, report, { actor, dryRun }, accepted) {
      if (report.allowed) return false;
      if (accepted !== undefined) requirePermission(actor, 'accept-stranding');
      if (accepted !== undefined && mayOverride(report, accepted)) return true;
      if (!dryRun) observer.targetRefused(channel, report);
      throw new FairwayError('refused', describeRefusal(channel, report, accepted), { report });
    },

    enforceTools({ name, accepts, toolsVersion }, { snapshot = state.snapshot(), asker }) {
      if (!toolsVersion) return;
      const policy = { accepts, catalogue: snapshot.releases, strict: strictCatalogue };
      const { target, reasons } = shown(assessTools(requireVersion(toolsVersion), policy), asker);
      if (reasons.length === 0) return;
      const why = reasons.map(({ detail }) => detail).join('; ');
      throw new FairwayError('refused', `${target} is refused for the client tools of ${name}: ${why}`);
    },
  };
}

function describeRefusal(channel: string, report: Report, accepted: number | undefined): string {
  const { target, stranded, agents, reasons, route } = report;
  const why = reasons.map(({ detail }) => detail).join('; ');
  const way = route ? ` The way there: ${route.join(', ')}.` : '';
  const glass =
    accepted === undefined
      ? ''
      : ` Accepting ${accepted} does not help: the report says ${stranded}, and a pulled or embargoed release is never served.`;
  return `${target} is refused for ${channel}, where it would strand ${stranded} of ${agents} agents: ${why}.${way}${glass}`;
}
