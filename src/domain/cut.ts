import { type Catalogue, newestFirst } from './release.ts';
import { compareVersions, type Version } from './version.ts';

/** A stamp and the time of the cut come from two steps of a pipeline, and its clock from another machine. */
const TOLERANCE = 5 * 60_000;

/** When and from what a release was cut, as CI tells it. */
export interface Cut {
  /** ISO 8601. */
  cutAt: string;
  /** The release that its changes are counted from, canonical; null if it is not known. */
  previous: string | null;
}

/**
 * Says why a release must not be registered now (`at`), or null. Suffixes follow RFD 12 (Suffixes): `-alpha.N` and
 * `-beta.N` are built from main, before `X.Y.0`, and `-rc.N` before the release itself. A stamp is the time of the cut
 * (RFD 134, Cloud release process), and cloud releases sort by it, so a clock of CI must not hold later ones up.
 */
export function cutFault(version: Version, cut: Cut, catalogue: Catalogue, at: Date): string | null {
  return suffixFault(version, catalogue) ?? timeFault(version, cut, at) ?? orderFault(version, cut, catalogue);
}

function suffixFault({ text, kind, major, minor, patch }: Version, catalogue: Catalogue): string | null {
  if (kind !== 'alpha' && kind !== 'beta' && kind !== 'rc') return null;
  const base = `${major}.${minor}.${patch}`;
  if (!/^[^-]+-[a-z]+\.\d+$/.test(text)) {
    return `${text} has no number after "${kind}"; write it as ${base}-${kind}.1`;
  }
  if (kind !== 'rc' && patch !== 0) {
    return `${text} would be built from main, and patches are cut from branch/v${major}.${minor}; register ${base}`;
  }
  if (catalogue.has(base)) return `${text} comes too late: ${base} is registered; register a later version`;
  return null;
}

function timeFault({ text, cloud }: Version, { cutAt }: Cut, at: Date): string | null {
  const cut = Date.parse(cutAt);
  if (cut - at.getTime() > TOLERANCE) {
    return `${text} was cut at ${cutAt}, which is in the future; set the clock of the machine that cuts releases`;
  }
  if (cloud && Math.abs(cloud.cutAt.getTime() - cut) > TOLERANCE) {
    const stamp = cloud.cutAt.toISOString();
    return `the stamp of ${text} says ${stamp}, and cutAt says ${cutAt}; they must agree within 5 minutes`;
  }
  return null;
}

function orderFault(version: Version, { previous }: Cut, catalogue: Catalogue): string | null {
  if (!version.cloud) return null;
  const registered = [...catalogue.values()].filter((release) => release.registered !== null);
  const [newest] = newestFirst(registered).filter(({ cloud, major }) => cloud && major === version.major);
  if (newest && compareVersions(version, newest) <= 0) {
    return `${version.text} sorts below ${newest.text}, which is registered already; cut a newer release`;
  }
  if (previous !== null && compareVersions(version, previous) <= 0) {
    return `${version.text} sorts below ${previous}, its previous release; cut a newer release`;
  }
  return null;
}
