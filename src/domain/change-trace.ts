import type { Channel } from './channel.ts';
import type { ControlPlane } from './control-plane.ts';
import { type Promotion, progressOf, type Stage, type StageState } from './promotion.ts';
import { type Catalogue, newestFirst, type Release, type ReleaseChange } from './release.ts';

/** Where a change is: what RFD 134 wants engineers to know ("when their changes are getting rolled out"). */
export interface ChangeTrace {
  pr: number;
  title: string;
  /** The GitHub login or name that CI gave; null if it gave none. */
  author: string | null;
  significant: boolean;
  /** The releases that list the change, newest first: most changes are in one, backports in several. */
  releases: ChangedRelease[];
  /** How many releases contain it: those above, and the ones that were built on them. */
  containedIn: { releases: number; newest: string };
  /** How far it has come in each stage of the cloud, in their order. */
  stages: { stage: string; state: StageState; release: string | null; since: string | null }[];
  /** The channels that serve it now, by name: at most ten of `total`. */
  channels: { total: number; first: { channel: string; target: string; since: string | null }[] };
  /** The control planes that run it now, by name: at most ten of `total`. */
  tenants: { total: number; of: number; first: { controlPlane: string; version: string; since: string | null }[] };
}

export interface ChangedRelease extends Pick<Release, 'version' | 'cutAt' | 'pulled'> {
  signedOff: ReleaseChange['signedOff'];
}

/** What a change is looked for in. */
export interface Whereabouts {
  /** What the reader may see of it. */
  releases: Catalogue;
  promotions: ReadonlyMap<string, Promotion>;
  channels: ReadonlyMap<string, Channel>;
  controlPlanes: ReadonlyMap<string, ControlPlane>;
  stages: readonly Stage[];
}

const SHOWN = 10;

/** States in which a release is, or was, at the stage. */
const REACHED: ReadonlySet<StageState> = new Set(['complete', 'soaking', 'rolling']);

/** Where the change of a pull request is; null if no release lists it. */
export function traceChange(pr: number, where: Whereabouts): ChangeTrace | null {
  const { releases, channels, controlPlanes, stages } = where;
  const own = newestFirst(releases.values()).flatMap(({ text }) => {
    const release = releases.get(text);
    const change = release?.changes.find((each) => each.pr === pr);
    return release && change ? [{ release, change }] : [];
  });
  const [newest] = own;
  if (!newest) return null;
  const containing = containingReleases(
    own.map(({ release }) => release.version),
    releases,
  );
  const serving = sorted(channels).flatMap(({ name, target, served }) => {
    if (target === null || !containing.has(target)) return [];
    // A channel serves its target since it stopped serving the one before.
    return [{ channel: name, target, since: served.at(-1)?.until ?? null }];
  });
  const running = sorted(controlPlanes).filter(({ version }) => containing.has(version));
  const { title, author = null, significant } = newest.change;
  return {
    ...{ pr, title, author, significant },
    releases: own.map(({ release: { version, cutAt, pulled }, change: { signedOff } }) => {
      return { version, cutAt, pulled, signedOff };
    }),
    containedIn: { releases: containing.size, newest: newestIn(containing, releases) ?? newest.release.version },
    stages: stages.map((stage) => traceStage(stage, containing, where)),
    channels: { total: serving.length, first: serving.slice(0, SHOWN) },
    tenants: {
      total: running.length,
      of: controlPlanes.size,
      first: running.slice(0, SHOWN).map(({ name, version, changedAt = null }) => {
        return { controlPlane: name, version, since: changedAt };
      }),
    },
  };
}

/** The releases, and all that were built on them, by `previous`. */
function containingReleases(own: readonly string[], releases: Catalogue): Set<string> {
  const builtOn = new Map<string, string[]>();
  for (const { version, previous } of releases.values()) {
    if (previous !== null) builtOn.set(previous, [...(builtOn.get(previous) ?? []), version]);
  }
  const found = new Set<string>();
  const open = [...own];
  for (let version = open.pop(); version !== undefined; version = open.pop()) {
    if (found.has(version)) continue;
    found.add(version);
    open.push(...(builtOn.get(version) ?? []));
  }
  return found;
}

/** The first release that brought the change to the stage, or else the last one that is on its way there. */
function traceStage({ name }: Stage, containing: ReadonlySet<string>, { releases, promotions }: Whereabouts) {
  const ways = newestFirst([...containing].flatMap((version) => releases.get(version) ?? [])).flatMap(({ text }) => {
    const promotion = promotions.get(text);
    return promotion ? [{ release: text, ...progressOf(promotion, name) }] : [];
  });
  const reached = ways.findLast(({ state }) => REACHED.has(state));
  const found = reached ?? ways.find(({ state }) => state !== 'waiting') ?? ways[0];
  return {
    stage: name,
    state: found?.state ?? ('waiting' as const),
    release: found?.release ?? null,
    since: found?.since ?? null,
  };
}

const newestIn = (versions: ReadonlySet<string>, releases: Catalogue): string | undefined =>
  newestFirst([...versions].flatMap((version) => releases.get(version) ?? []))[0]?.text;

const sorted = <T extends { name: string }>(all: ReadonlyMap<string, T>): T[] =>
  [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
