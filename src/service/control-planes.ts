import {
  assessControlPlane,
  type Components,
  type ControlPlane,
  type ControlPlaneReport,
  highestOf,
  lowestOf,
  readControlPlaneVersion,
  reportVersions,
  type UnmanagedPolicy,
} from '../domain/control-plane.ts';
import { derivedOnce } from '../domain/derived.ts';
import { FairwayError } from '../domain/errors.ts';
import { nameOf, type Page, type PageQuery, pageByName, sortedBy } from '../domain/page.ts';
import { addReading, heldVersions, type PlaneReading } from '../domain/plane-readings.ts';
import {
  channelsOfPlane,
  controlPlaneKey,
  replace,
  requireControlPlane,
  retiredControlPlaneKey,
  type Snapshot,
  type Stored,
} from '../domain/snapshot.ts';
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
  /** When `lowest` or `highest` last changed. */
  changedAt: string;
  updatedAt: string;
  updatedBy: string;
  /** Since when its source cannot be read, and why; null while it can, or has none. */
  failing: { since: string; fault: string } | null;
  revision: number;
}

export interface ControlPlanes {
  /** All control planes, by name. */
  list(): ControlPlaneView[];
  page(query: PageQuery): Page<ControlPlaneView>;
  read(name: string): ControlPlaneView;
  /** The names of the channels whose agents connect to it, in order. */
  channelsOf(name: string): string[];
  /** Records the version that a control plane runs, or those of its components. It is a fact, so it passes no gate. */
  report(
    name: string,
    reported: string | Components,
    request: ChangeRequest,
  ): Promise<{ controlPlane: ControlPlaneView; created: boolean }>;
  /** Records what a source read from all proxies at once. Versions that take turns are held together. */
  observe(name: string, versions: readonly string[], request: ChangeRequest): Promise<void>;
  /** Records that its source cannot be read, until it is read again; what was read last stays. */
  noteFailure(name: string, failing: { since: string; fault: string }, request: ChangeRequest): Promise<void>;
  /** Forgets a control plane. Throws `control_plane_in_use` while channels or stages name it. */
  remove(name: string, request: ChangeRequest): Promise<void>;
  /** May the control plane be changed to `version`? By default it reads what is known of the agents anew. */
  check(name: string, version: string, reading?: FleetReading): Promise<ControlPlaneReport>;
}

export interface ControlPlanesOptions {
  state: State;
  fleet: Pick<Fleet, 'read'>;
  /** The stages of the settings. */
  stages: readonly { name: string; controlPlanes: readonly string[] }[];
  /** Milliseconds for which a control plane keeps compatibility with what its channels served before. */
  grace: number;
  /** Milliseconds for which versions that take turns are held together. */
  settleFor: number;
  unmanaged: UnmanagedPolicy;
  now: () => Date;
}

const NO_READINGS: readonly PlaneReading[] = [];

/** The control planes that channels' agents connect to. */
export function createControlPlanes(options: ControlPlanesOptions): ControlPlanes {
  const { state, fleet, stages, grace, settleFor, unmanaged, now } = options;
  const sorted = derivedOnce((all: Snapshot['controlPlanes']) => sortedBy(all.values(), nameOf));
  const find = (name: string) => requireControlPlane(state.snapshot(), name);
  /** What sources read recently, by control plane. */
  const readings = new Map<string, readonly PlaneReading[]>();

  async function record(
    name: string,
    versions: readonly string[],
    components: Components | null,
    { actor, ifMatch, dryRun, fence }: ChangeRequest,
    wasRead: boolean,
  ): Promise<{ controlPlane: ControlPlaneView; created: boolean }> {
    const { controlPlanes, retiredControlPlanes } = state.snapshot();
    const before = controlPlanes.get(name);
    requireRevision(controlPlaneKey(name), before, ifMatch);
    const at = now();
    const stamp = { by: actor.name, at: at.toISOString() };
    const reported = reportVersions(before, name, versions, components, stamp);
    const failing = before?.failing;
    const after = failing && !wasRead ? { ...reported.after, failing } : reported.after;
    const isNews = reported.isNews || (failing !== undefined && wasRead);
    const created = !before;
    // Pipelines report again and again; only news are worth a revision.
    if (dryRun || !isNews)
      return { controlPlane: viewControlPlane({ ...after, revision: before?.revision ?? 0 }), created };
    const retired = retiredControlPlanes.get(name);
    const more = retired ? [replace(retiredControlPlaneKey(name), retired, null)] : [];
    const change = { key: controlPlaneKey(name), before, after, action: 'report', reason: '', actor, at, fence, more };
    const { revision } = await commitDocument(state, change);
    return { controlPlane: viewControlPlane({ ...after, revision }), created };
  }

  /** What a new leader continues with: versions that its predecessor held together are held on. */
  function inherited(name: string, at: number): readonly PlaneReading[] {
    const plane = state.snapshot().controlPlanes.get(name);
    if (!plane || plane.components || highestOf(plane) === lowestOf(plane)) return NO_READINGS;
    return [{ at, versions: [lowestOf(plane), highestOf(plane)], held: true }];
  }

  return {
    list: () => sorted(state.snapshot().controlPlanes).map(viewControlPlane),
    page(query) {
      const { items, next } = pageByName(sorted(state.snapshot().controlPlanes), nameOf, query);
      return { items: items.map(viewControlPlane), next };
    },

    read: (name) => viewControlPlane(find(name)),

    channelsOf: (plane) =>
      channelsOfPlane(state.snapshot(), plane)
        .map(({ name }) => name)
        .sort(),

    async report(name, reported, request) {
      const components = typeof reported === 'string' ? null : reported;
      const versions = typeof reported === 'string' ? [reported] : Object.values(reported).flat();
      const result = await record(name, versions, components, request, false);
      // What people say replaces what was read before.
      if (!request.dryRun) readings.delete(name);
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
        stages.filter(({ controlPlanes }) => controlPlanes.includes(name)).map((stage) => stage.name),
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

    async check(name, version, reading) {
      find(name);
      const known = reading ?? (await fleet.read());
      const snapshot = state.snapshot();
      const plane = find(name);
      const current = { lowest: requireVersion(lowestOf(plane)), highest: requireVersion(highestOf(plane)) };
      const fleets = channelsOfPlane(snapshot, name).map((channel) => {
        const target = channel.target === null ? null : requireVersion(channel.target);
        const recent = channel.served.filter(({ until }) => now().getTime() - Date.parse(until) < grace);
        return { channel: channel.name, target, recent, population: known.population(channel, snapshot) };
      });
      const proposed = readControlPlaneVersion(version) ?? requireVersion(version);
      return assessControlPlane(name, proposed, current, fleets, unmanaged);
    },
  };
}

function viewControlPlane(plane: Stored<ControlPlane>): ControlPlaneView {
  const { name, version, components = null, changedAt, updatedAt, updatedBy, failing = null, revision } = plane;
  const bounds = { version, lowest: lowestOf(plane), highest: highestOf(plane) };
  return { name, ...bounds, components, changedAt: changedAt ?? updatedAt, updatedAt, updatedBy, failing, revision };
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
