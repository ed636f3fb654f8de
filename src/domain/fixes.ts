import { derivedOnce } from './derived.ts';
import { type Catalogue, withPredecessors } from './release.ts';
import { compareVersions, type Version } from './version.ts';

/** The releases under embargo that were not pulled. */
const secretFixes = derivedOnce((catalogue: Catalogue): readonly string[] =>
  [...catalogue.values()].filter(({ embargoed, pulled }) => embargoed && !pulled).map(({ version }) => version),
);

/** Does the release contain the fix: is it the fix, does it say so, or was it built on one that does? */
function contains(catalogue: Catalogue, version: string, fix: string): boolean {
  if (version === fix) return true;
  return withPredecessors(catalogue, version).some(
    (each) => each.version === fix || (each.includes ?? []).includes(fix),
  );
}

/**
 * The fixes under embargo that run already (`running`: versions of control planes) and that a cloud release would take
 * away. "If another Cloud release needs to be published" during an embargo, it is published "to include the security
 * fix" (RFD 134, Security releases). Releases from before the fix take nothing away, because agents have not had it.
 */
export function missingFixes(catalogue: Catalogue, target: Version, running: Iterable<string>): string[] {
  const secrets = secretFixes(catalogue);
  if (secrets.length === 0 || target.kind !== 'cloud') return [];
  const run = [...new Set(running)];
  // Whether an unregistered version is newer must not show: that would give the fix's time away.
  const isNewer = (fix: string) => !catalogue.has(target.text) || compareVersions(target.text, fix) > 0;
  return secrets.filter(
    (fix) =>
      isNewer(fix) &&
      run.some((version) => contains(catalogue, version, fix)) &&
      !contains(catalogue, target.text, fix),
  );
}

/** Says what is missing, and what to do. */
export const describeMissing = (version: string, fix: string, where: string): string =>
  `${version} does not say that it includes ${fix}, a fix under embargo that ${where} runs; register a release that does: fairway releases register VERSION --includes ${fix}`;
