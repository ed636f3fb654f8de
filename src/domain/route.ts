import { hopFaults, isSameStop } from './release-line.ts';
import { compareVersions, type Version, type VersionKind } from './version.ts';

/** Releases for everybody come before those that are for tests. */
const FOR_TESTS: readonly VersionKind[] = ['rc', 'beta', 'alpha', 'dev', 'other'];

/**
 * The best of the stops that are as far on the way as `like`, by its line: the newest one, a stable or cloud release
 * before a pre-release. `stops` are newest first.
 */
export function bestStop(stops: readonly Version[], like: Version): Version | null {
  const line = stops.filter((stop) => isSameStop(stop, like));
  const order = (stop: Version) => FOR_TESTS.indexOf(stop.kind);
  return line.reduce<Version | null>((best, stop) => (best && order(best) <= order(stop) ? best : stop), null);
}

/**
 * The shortest list of releases that brings an agent from `from` to `target` in legal hops, the target last; null when
 * it needs no stop on the way, and when there is none that leads there. `stops` gives those that may be used, newest
 * first.
 */
export function findRoute(from: Version, target: Version, stops: () => readonly Version[]): string[] | null {
  if (hopFaults(from, target).length === 0) return null;
  const between = stops().filter((stop) => compareVersions(stop, target) < 0 && compareVersions(stop, from) > 0);
  const route: string[] = [];
  let at = from;
  while (hopFaults(at, target).length > 0) {
    const here = at;
    const legal = between.filter((stop) => compareVersions(stop, here) > 0 && hopFaults(here, stop).length === 0);
    // Lines are ordered, so the farthest legal hop is never the wrong one.
    const next = legal[0] && bestStop(legal, legal[0]);
    if (!next) return null;
    route.push(next.text);
    at = next;
  }
  return [...route, target.text];
}
