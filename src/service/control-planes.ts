import { assessControlPlane, type ControlPlane, type ControlPlaneReport } from '../domain/control-plane.ts';
import { controlPlaneKey, requireControlPlane, type Stored } from '../domain/snapshot.ts';
import { requireVersion } from '../domain/version.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { State } from './state.ts';

export interface ControlPlanes {
  list(): Stored<ControlPlane>[];
  read(name: string): Stored<ControlPlane>;
  /** Takes note of the version that a control plane runs. It is a fact, so no gate stands before it. */
  report(
    name: string,
    version: string,
    request: ChangeRequest,
  ): Promise<{ controlPlane: Stored<ControlPlane>; created: boolean }>;
  /** May the control plane be changed to `version`? */
  check(name: string, version: string): Promise<ControlPlaneReport>;
}

export interface ControlPlanesOptions {
  state: State;
  fleet: Pick<Fleet, 'population'>;
  /** Milliseconds for which a control plane keeps compatibility with what its channels served before. */
  grace: number;
  now: () => Date;
}

/** The control planes that channels' agents connect to. */
export function createControlPlanes({ state, fleet, grace, now }: ControlPlanesOptions): ControlPlanes {
  const find = (name: string) => requireControlPlane(state.snapshot(), name);

  return {
    list: () => [...state.snapshot().controlPlanes.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    read: find,

    async report(name, version, { actor, ifMatch, dryRun, fence }) {
      const before = state.snapshot().controlPlanes.get(name);
      requireRevision(controlPlaneKey(name), before, ifMatch);
      const at = now();
      const after = { name, version: requireVersion(version).text, updatedAt: at.toISOString(), updatedBy: actor.name };
      // Pipelines report again and again; only news are worth a revision.
      const news = before?.version !== after.version;
      if (dryRun || !news) return { controlPlane: { ...after, revision: before?.revision ?? 0 }, created: !before };
      const change = { key: controlPlaneKey(name), before, after, action: 'report', reason: '', actor, at, fence };
      const { revision } = await commitDocument(state, change);
      return { controlPlane: { ...after, revision }, created: !before };
    },

    async check(name, version) {
      const current = requireVersion(find(name).version);
      const channels = [...state.snapshot().channels.values()].filter(({ controlPlane }) => controlPlane === name);
      const fleets = channels.map(async (channel) => {
        const target = channel.target === null ? null : requireVersion(channel.target);
        const recent = channel.served.filter(({ until }) => now().getTime() - Date.parse(until) < grace);
        return { channel: channel.name, target, recent, population: await fleet.population(channel) };
      });
      return assessControlPlane(name, requireVersion(version), current, await Promise.all(fleets));
    },
  };
}
