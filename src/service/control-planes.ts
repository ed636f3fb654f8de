import { isDeepStrictEqual } from 'node:util';
import {
  type Components,
  type ControlPlane,
  highestOf,
  lowestOf,
  readControlPlaneVersion,
  reportVersions,
  withSettings,
} from '../domain/control-plane.ts';
import {
  assessControlPlane,
  type ControlPlaneReport,
  findLostFixes,
  findPlaneReleaseFaults,
  findPlaneReleaseWarnings,
  type UnmanagedPolicy,
} from '../domain/control-plane-check.ts';
import { derivedOnce } from '../domain/derived.ts';
import { seesEmbargoed, visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { nameOf, type Page, type PageQuery, pageByName, sortedBy } from '../domain/page.ts';
import { addReading, heldVersions, type PlaneReading } from '../domain/plane-readings.ts';
import type { Stage } from '../domain/promotion.ts';
import type { Actor } from '../domain/role.ts';
import {
  channelsOfPlane,
  controlPlaneKey,
  replace,
  requireControlPlane,
  retiredControlPlaneKey,
  type Snapshot,
  type Stored,
} from '../domain/snapshot.ts';
import { afterReport, awaitedBy, demandsOf, runs, stateOfTenant, type TenantState } from '../domain/tenant.ts';
import { toolsVersionOf } from '../domain/tools.ts';
import { requireVersion } from '../domain/version.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { Fleet, FleetReading } from './fleet.ts';
import type { State } from './state.ts';

/** A control plane as every face shows it. */
export interface ControlPlaneView {
  name: string;
  /** The same as `lowest`. */
  version: string;
  lowest: string;
  highest: string;
  components: Components | null;
  /** The class of tenants that it belongs to; null: none. */
  class: string | null;
  labels: Record<string, string>;
  /** What its stage wants it to run; null while nothing is wanted. */
  wanted: TenantWish | null;
  /** What its stage goes to, though it is not this one's turn yet; null if there is nothing to wait for. */
  waits: Omit<TenantWish, 'since'> | null;
  state: TenantState;
  /** When `lowest` or `highest` last changed. */
  changedAt: string;
  updatedAt: string;
  updatedBy: string;
  /** Since when its source cannot be read, and why; null while it can, or has none. */
  failing: { since: string; fault: string } | null;
  revision: number;
}

/** What a stage wants a control plane to run. */
export interface TenantWish {
  version: string;
  stage: string;
  /** ISO 8601. */
  since: string;
}

/** The deployer's question about one control plane: what should it run, and may it now? */
export interface Deployment {
  controlPlane: ControlPlaneView;
  /** Null if nothing is wanted, or it runs that already. */
  deploy: { version: string; allowed: boolean; reasons: ControlPlaneReport['reasons'] } | null;
}

/** Which control planes a list shows; fields that are left out show all. */
export interface TenantFilter {
  class?: string | undefined;
  wanted?: string | undefined;
  /** True: only those that do not run what is wanted. */
  behind?: boolean | undefined;
  state?: TenantState | undefined;
}

/** A control plane of an import. */
export interface ImportedTenant {
  name: string;
  version: string;
  class?: string | undefined;
  labels?: Record<string, string> | undefined;
}

/** What of a control plane people set, besides its version. */
export type TenantSettings = Partial<Pick<ControlPlaneView, 'class' | 'labels'>>;

export interface ControlPlanes {
  /** All control planes, by name. */
  list(): ControlPlaneView[];
  /** A release that `asker` may not know of is wanted by none in the filter. */
  page(query: PageQuery, filter: TenantFilter, asker: Actor): Page<ControlPlaneView>;
  read(name: string): ControlPlaneView;
  /** The version that the control plane should run; null if nothing is wanted, or nothing that `asker` may know of. */
  wanted(name: string, asker: Actor): string | null;
  /** What the control plane should run, and whether it may now. Throws `not_found`. */
  deployment(name: string, asker: Actor): Promise<Deployment>;
  /** The names of the channels whose agents connect to it, in order. */
  channelsOf(name: string): string[];
  /** Records the version that a control plane runs, or those of its components. It is a fact, so it passes no gate. */
  report(
    name: string,
    reported: string | Components | null,
    request: ChangeRequest,
    settings?: TenantSettings,
  ): Promise<{ controlPlane: ControlPlaneView; created: boolean }>;
  /** Records many control planes in one commit. Those that it does not name stay. */
  import(tenants: readonly ImportedTenant[], request: ChangeRequest): Promise<{ received: number; imported: number }>;
  /** Records what a source read from all proxies at once. Versions that take turns are held together. */
  observe(name: string, versions: readonly string[], request: ChangeRequest): Promise<void>;
  /** Records that its source cannot be read, until it is read again; what was read last stays. */
  noteFailure(name: string, failing: { since: string; fault: string }, request: ChangeRequest): Promise<void>;
  /** Forgets a control plane. Throws `control_plane_in_use` while channels or stages name it. */
  remove(name: string, request: ChangeRequest): Promise<void>;
  /** May the control plane be changed to `version`? Reads again what is known of the agents. */
  check(name: string, version: string, asker: Actor): Promise<ControlPlaneReport>;
  /** The same for a stage, whose gates judge the release, by what is known of the agents already. */
  assess(name: string, version: string, reading: FleetReading): ControlPlaneReport;
}

export interface ControlPlanesOptions {
  state: State;
  fleet: Pick<Fleet, 'read'>;
  /** The stages of the settings. */
  stages: readonly Stage[];
  /** Milliseconds for which a control plane keeps compatibility with what its channels served before. */
  grace: number;
  /** Milliseconds for which versions that take turns are held together. */
  settleFor: number;
  unmanaged: UnmanagedPolicy;
  /** Refuse releases that the catalogue does not hold. */
  strictCatalogue: boolean;
  now: () => Date;
}

const NO_READINGS: readonly PlaneReading[] = [];

/** The control planes that channels' agents connect to. */
export function createControlPlanes(options: ControlPlanesOptions): ControlPlanes {
  const { state, fleet, stages, grace, settleFor, unmanaged, strictCatalogue, now } = options;
  const sorted = derivedOnce((all: Snapshot['controlPlanes']) => sortedBy(all.values(), nameOf));
  const find = (name: string) => requireControlPlane(state.snapshot(), name);
  /** What sources read recently, by control plane. */
  const readings = new Map<string, readonly PlaneReading[]>();

  /** The stages that each control plane is in, in order: by its name, or by its class. */
  const named = new Map<string, Stage[]>();
  for (const stage of stages) {
    for (const name of stage.controlPlanes) named.set(name, [...(named.get(name) ?? []), stage]);
  }
  const stagesOf = (plane: ControlPlane): readonly Stage[] => {
    const byName = named.get(plane.name) ?? [];
    const byClass = plane.class === undefined ? [] : stages.filter(({ tenants }) => tenants?.class === plane.class);
    return byClass.length === 0 ? byName : [...byName, ...byClass];
  };

  /** What the first of its stages wants of it. A release under embargo is wanted as well (RFD 134, Security releases). */
  function wishOf(
    plane: ControlPlane,
    { promotions, releases }: Snapshot,
  ): { wish: TenantWish; deadline: number | null } | null {
    const demands = demandsOf(promotions);
    const awaited = awaitedBy(promotions);
    for (const stage of stagesOf(plane)) {
      const deadline = stage.tenants?.class === plane.class ? (stage.tenants?.deadline ?? null) : null;
      const byName = named.get(plane.name)?.includes(stage) ?? false;
      const told = plane.wanted?.stage === stage.name ? plane.wanted : null;
      const next = awaited.get(stage.name);
      const isNext = next && (byName || told?.version === next.version);
      const found = isNext ? { ...next, since: told?.since ?? next.since } : demands.get(stage.name);
      if (found && !releases.get(found.version)?.pulled)
        return { wish: { version: found.version, stage: stage.name, since: found.since }, deadline };
    }
    return null;
  }

  /** The release that a stage of the control plane goes to, before it is told to run it. */
  function turnOf(plane: ControlPlane, { promotions, releases }: Snapshot, wish: TenantWish | null) {
    const awaited = awaitedBy(promotions);
    for (const { name: stage } of stagesOf(plane)) {
      const version = awaited.get(stage)?.version;
      if (version === undefined || version === wish?.version || runs(plane, version)) continue;
      if (!releases.get(version)?.pulled) return { version, stage };
    }
    return null;
  }

  function view(plane: Stored<ControlPlane>, snapshot = state.snapshot()): ControlPlaneView {
    const wanted = wishOf(plane, snapshot);
    const standing = stateOfTenant(plane, wanted?.wish ?? null, wanted?.deadline ?? null, now().getTime());
    const waits = turnOf(plane, snapshot, wanted?.wish ?? null);
    return { ...viewControlPlane(plane), wanted: wanted?.wish ?? null, waits, state: standing };
  }

  async function record(
    name: string,
    versions: readonly string[],
    components: Components | null,
    { actor, ifMatch, dryRun, fence }: ChangeRequest,
    wasRead: boolean,
    settings: TenantSettings = {},
  ): Promise<{ controlPlane: ControlPlaneView; created: boolean }> {
    const { controlPlanes, retiredControlPlanes } = state.snapshot();
    const before = controlPlanes.get(name);
    requireRevision(controlPlaneKey(name), before, ifMatch);
    const at = now();
    const stamp = { by: actor.name, at: at.toISOString() };
    const reported = reportOf(before, name, versions, components, settings, stamp);
    const failing = before?.failing;
    const after = failing && !wasRead ? { ...reported.after, failing } : reported.after;
    const isNews = reported.isNews || (failing !== undefined && wasRead);
    const created = !before;
    // Pipelines report again and again; only news are worth a revision.
    if (dryRun || !isNews) return { controlPlane: view({ ...after, revision: before?.revision ?? 0 }), created };
    const retired = retiredControlPlanes.get(name);
    const more = retired ? [replace(retiredControlPlaneKey(name), retired, null)] : [];
    const change = { key: controlPlaneKey(name), before, after, action: 'report', reason: '', actor, at, fence, more };
    const { revision } = await commitDocument(state, change);
    return { controlPlane: view({ ...after, revision }), created };
  }

  /** What a new leader continues with: versions that its predecessor held together are held on. */
  function inherited(name: string, at: number): readonly PlaneReading[] {
    const plane = state.snapshot().controlPlanes.get(name);
    if (!plane || plane.components || highestOf(plane) === lowestOf(plane)) return NO_READINGS;
    return [{ at, versions: [lowestOf(plane), highestOf(plane)], held: true }];
  }

  return {
    list: () => sorted(state.snapshot().controlPlanes).map((plane) => view(plane)),
    page(query, filter, asker) {
      const snapshot = state.snapshot();
      const all = sorted(snapshot.controlPlanes);
      if (Object.values(filter).every((each) => each === undefined)) {
        const { items, next } = pageByName(all, nameOf, query);
        return { items: items.map((plane) => view(plane, snapshot)), next };
      }
      if (isHiddenFrom(asker, filter.wanted, snapshot)) return { items: [], next: null };
      const members = filter.class === undefined ? all : all.filter((plane) => plane.class === filter.class);
      const found = members.map((plane) => view(plane, snapshot)).filter((plane) => passes(plane, filter));
      return pageByName(found, nameOf, query);
    },

    read: (name) => view(find(name)),

    wanted: (name, asker) => wantedFor(name, asker),

    async deployment(name, asker) {
      const controlPlane = view(find(name));
      const version = wantedFor(name, asker);
      if (version === null || controlPlane.state === 'running') return { controlPlane, deploy: null };
      const { allowed, reasons } = await check(name, version, asker);
      return { controlPlane, deploy: { version, allowed, reasons } };
    },

    channelsOf: (plane) =>
      channelsOfPlane(state.snapshot(), plane)
        .map(({ name }) => name)
        .sort(),

    async report(name, reported, request, settings) {
      const before = state.snapshot().controlPlanes.get(name);
      const parts = reported ?? before?.components ?? before?.version;
      if (parts === undefined) {
        throw new FairwayError('invalid', `there is no control plane ${name} yet; report its version with its class`);
      }
      const components = typeof parts === 'string' ? null : parts;
      const versions = typeof parts === 'string' ? [parts] : Object.values(parts).flat();
      const known = reported === null && before ? [lowestOf(before), highestOf(before)] : versions;
      const result = await record(name, known, components, request, false, settings);
      // What people say replaces what was read before.
      if (!request.dryRun) readings.delete(name);
      return result;
    },

    async import(tenants, { actor, dryRun }) {
      const { controlPlanes, retiredControlPlanes } = state.snapshot();
      const at = now();
      const stamp = { by: actor.name, at: at.toISOString() };
      const writes = tenants.flatMap(({ name, version, ...settings }) => {
        const before = controlPlanes.get(name);
        const { after, isNews } = reportOf(before, name, [version], null, settings, stamp);
        if (!isNews) return [];
        const retired = retiredControlPlanes.get(name);
        const back = retired ? [replace(retiredControlPlaneKey(name), retired, null)] : [];
        return [replace(controlPlaneKey(name), before, after), ...back];
      });
      const imported = writes.filter(({ value }) => value !== null).length;
      const result = { received: tenants.length, imported };
      if (dryRun || writes.length === 0) return result;
      const audit = { at: stamp.at, actor: actor.name, action: 'import-control-planes', subject: 'control-planes' };
      await state.commit(writes, { ...audit, reason: '', before: null, after: result });
      for (const { name } of tenants) readings.delete(name);
      return result;
    },

    async observe(name, versions, request) {
      const at = now().getTime();
      const recent = addReading(readings.get(name) ?? inherited(name, at), { at, versions }, settleFor);
      readings.set(name, recent);
      await record(name, heldVersions(recent), null, request, true);
    },

    async noteFailure(name, { since, fault }, { actor, fence }) {
      const before = state.snapshot().controlPlanes.get(name);
      // One that nobody has reported yet has nowhere to show it but the log and the metric.
      if (!before || before.failing?.fault === fault) return;
      const after = { ...before, failing: { since: before.failing?.since ?? since, fault } };
      const change = { key: controlPlaneKey(name), before, after, action: 'note-failure', reason: fault, actor };
      await commitDocument(state, { ...change, at: now(), fence });
    },

    async remove(name, { actor, ifMatch, dryRun }) {
      const before = find(name);
      requireRevision(controlPlaneKey(name), before, ifMatch);
      const channels = channelsOfPlane(state.snapshot(), name);
      requireUnused(
        name,
        channels.map((channel) => channel.name),
        (named.get(name) ?? []).map((stage) => stage.name),
      );
      if (dryRun) return;
      const at = now();
      const memory = { name, at: at.toISOString(), by: actor.name };
      const retired = state.snapshot().retiredControlPlanes.get(name);
      const change = {
        key: controlPlaneKey(name),
        before,
        after: null,
        action: 'delete',
        reason: '',
        actor,
        at,
        more: [replace(retiredControlPlaneKey(name), retired, memory)],
      };
      await commitDocument(state, change);
      readings.delete(name);
    },

    check,
    assess,
  };

  function wantedFor(name: string, asker: Actor): string | null {
    const version = view(find(name)).wanted?.version;
    return version === undefined || isHiddenFrom(asker, version, state.snapshot()) ? null : version;
  }

  async function check(name: string, version: string, asker: Actor): Promise<ControlPlaneReport> {
    find(name);
    const report = assess(name, version, await fleet.read());
    const { releases } = state.snapshot();
    const catalogue = visibleTo(releases, asker);
    const proposed = requireVersion(report.version);
    const faults = [
      ...findPlaneReleaseFaults(proposed, catalogue, strictCatalogue),
      ...findLostFixes(find(name), proposed, releases),
    ];
    const warnings = [...findPlaneReleaseWarnings(proposed, catalogue), ...report.warnings];
    const allowed = report.allowed && faults.length === 0;
    return { ...report, allowed, reasons: [...faults, ...report.reasons], warnings };
  }

  function assess(name: string, version: string, reading: FleetReading): ControlPlaneReport {
    const snapshot = state.snapshot();
    const plane = find(name);
    const current = {
      lowest: requireVersion(lowestOf(plane)),
      highest: requireVersion(highestOf(plane)),
      components: plane.components,
    };
    const fleets = channelsOfPlane(snapshot, name).map((channel) => {
      const target = channel.target === null ? null : requireVersion(channel.target);
      const served = toolsVersionOf(channel, snapshot.releases);
      const tools = served === null || served === channel.target ? null : requireVersion(served);
      const recent = channel.served.filter(({ until }) => now().getTime() - Date.parse(until) < grace);
      return { channel: channel.name, target, tools, recent, population: reading.population(channel, snapshot) };
    });
    const proposed = readControlPlaneVersion(version) ?? requireVersion(version);
    return assessControlPlane(name, proposed, current, fleets, unmanaged);
  }
}

/** Is the version under embargo, and the caller one of those who must not know? */
const isHiddenFrom = (asker: Actor, version: string | undefined, { releases }: Snapshot): boolean =>
  version !== undefined && releases.get(version)?.embargoed === true && !seesEmbargoed(asker);

const passes = ({ wanted, state }: ControlPlaneView, filter: TenantFilter): boolean =>
  (filter.wanted === undefined || wanted?.version === filter.wanted) &&
  (filter.behind === undefined || filter.behind === (state === 'told' || state === 'failing')) &&
  (filter.state === undefined || state === filter.state);

/** The control plane after a report or a change of its class and labels, and whether that is news. */
function reportOf(
  before: ControlPlane | undefined,
  name: string,
  versions: readonly string[],
  components: Components | null,
  settings: TenantSettings,
  stamp: { by: string; at: string },
): { after: ControlPlane; isNews: boolean } {
  const { after, isNews } = reportVersions(before, name, versions, components, stamp);
  const settled = withSettings(after, settings);
  const isChanged = settled.class !== before?.class || !isDeepStrictEqual(settled.labels, before?.labels);
  return { after: afterReport(settled, stamp.at), isNews: isNews || isChanged };
}

function viewControlPlane(plane: Stored<ControlPlane>): Omit<ControlPlaneView, 'wanted' | 'waits' | 'state'> {
  const { name, version, components = null, changedAt, updatedAt, updatedBy, failing = null, revision } = plane;
  const bounds = { version, lowest: lowestOf(plane), highest: highestOf(plane) };
  const { class: its = null, labels = {} } = plane;
  return {
    name,
    ...bounds,
    components,
    class: its,
    labels,
    changedAt: changedAt ?? updatedAt,
    updatedAt,
    updatedBy,
    failing,
    revision,
  };
}

function requireUnused(name: string, channels: string[], stages: string[]): void {
  const users = [
    ...channels.map((channel) => `channel ${channel}`),
    ...stages.map((stage) => `stage ${stage} of the settings`),
  ];
  if (users.length === 0) return;
  const todo =
    channels.length > 0 ? 'give its channels another control plane first' : 'take it out of the settings first';
  throw new FairwayError('control_plane_in_use', `control plane ${name} is used by ${users.join(', ')}; ${todo}`);
}
