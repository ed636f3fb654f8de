import { agentVersion, readAgentVersion } from './agent-version.ts';
import { compareVersions, type Version } from './version.ts';

/** The versions that each component reports, such as `{ auth: ['17.4.2', '17.4.1'], proxy: ['17.4.2'] }`. */
export type Components = Record<string, string[]>;

/** A control plane as its operators or sources last reported it. */
export interface ControlPlane {
  name: string;
  /** The lowest that any part of it runs; canonical, without `v`. */
  version: string;
  /** The highest one; left out where all of it runs the same. */
  highest?: string | undefined;
  components?: Components | undefined;
  /** The class of tenants that it belongs to, by which stages select; left out if it has none. */
  class?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** What a stage told it to run; left out until one did. */
  wanted?: Wanted | undefined;
  /** When `version` or `highest` last changed; null: never yet. Older documents have `updatedAt` alone. */
  changedAt?: string | null | undefined;
  updatedAt: string;
  updatedBy: string;
  /** Since when its source cannot be read, and why; left out while it can, or has none. */
  failing?: { since: string; fault: string } | undefined;
}

/** What a stage told a control plane to run. */
export interface Wanted {
  version: string;
  /** The stage of the promotion. */
  stage: string;
  /** Since when (ISO 8601). */
  since: string;
  /** When it first reported that version, or a later one (ISO 8601); null: not yet. */
  reachedAt: string | null;
}

/** What is remembered of a deleted control plane, which a start must not create again. */
export interface RetiredControlPlane {
  name: string;
  /** ISO 8601. */
  at: string;
  by: string;
}

export const lowestOf = ({ version }: Pick<ControlPlane, 'version'>): string => version;
export const highestOf = ({ version, highest }: Pick<ControlPlane, 'version' | 'highest'>): string =>
  highest ?? version;

/** What is reported of a control plane: one version, or those of its components. */
export type ReportedVersions = { version: string } | { components: Components };

/** The control plane after a report at `at` (ISO 8601), and whether the report is news. */
export function reportVersions(
  before: ControlPlane | undefined,
  name: string,
  reported: readonly string[],
  components: Components | null,
  { by, at }: { by: string; at: string },
): { after: ControlPlane; isNews: boolean } {
  const versions = reported.map((version) => readControlPlaneVersion(version)?.text ?? version).sort(compareVersions);
  const [version = ''] = versions;
  const highest = versions.at(-1) ?? version;
  const moved = !before || before.version !== version || highestOf(before) !== highest;
  const rearranged = JSON.stringify(before?.components ?? null) !== JSON.stringify(components);
  const { class: its, labels, wanted } = before ?? {};
  const after: ControlPlane = {
    ...{ name, version },
    ...(its === undefined ? {} : { class: its }),
    ...(labels === undefined ? {} : { labels }),
    ...(wanted === undefined ? {} : { wanted }),
    ...(highest === version ? {} : { highest }),
    ...(components === null ? {} : { components }),
    // The first report is not a change: the agents were connected before.
    changedAt: !before ? null : moved ? at : lastChange(before),
    ...{ updatedAt: at, updatedBy: by },
  };
  return { after, isNews: moved || rearranged };
}

/** When the control plane last changed; a document of an older release knows only when it was last reported. */
export const lastChange = ({ changedAt, updatedAt }: ControlPlane): string | null =>
  changedAt === undefined ? updatedAt : changedAt;

/** A version as control planes report it; build metadata does not change precedence. Null where it cannot be read. */
export const readControlPlaneVersion = (text: string): Version | null => agentVersion(readAgentVersion(text));

/** The control plane with another class or other labels; what is left out stays, and a null class takes it out. */
export function withSettings(
  plane: ControlPlane,
  settings: { class?: string | null | undefined; labels?: Record<string, string> | undefined },
): ControlPlane {
  const { class: former, labels: formerLabels, ...rest } = plane;
  const its = settings.class === undefined ? former : (settings.class ?? undefined);
  const labels = settings.labels ?? formerLabels;
  const hasLabels = labels !== undefined && Object.keys(labels).length > 0;
  return { ...rest, ...(its === undefined ? {} : { class: its }), ...(hasLabels ? { labels } : {}) };
}

/** The versions that it runs, and the one that it was told to run. */
export const runningAt = (plane: ControlPlane): string[] => [
  lowestOf(plane),
  highestOf(plane),
  ...(plane.wanted ? [plane.wanted.version] : []),
];
