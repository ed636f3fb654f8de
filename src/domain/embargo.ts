import type { AuditEntry } from './audit.ts';
import { type RefusalReason, type Report, unknownRelease } from './compatibility.ts';
import { derivedOnce } from './derived.ts';
import type { Catalogue } from './release.ts';
import { type Actor, may } from './role.ts';
import { VERSION_KINDS } from './version.ts';

/** May the actor know of releases under embargo (RFD 134, Security releases)? */
export const seesEmbargoed = (actor: Actor): boolean => may(actor, 'see-embargoed');

/** The catalogue as `actor` may see it. */
export function visibleTo<R extends { embargoed: boolean }>(
  releases: ReadonlyMap<string, R>,
  actor: Actor,
): ReadonlyMap<string, R> {
  return seesEmbargoed(actor) ? releases : (published(releases) as Map<string, never>);
}

const published = derivedOnce(
  (releases: ReadonlyMap<string, { embargoed: boolean }>) =>
    new Map([...releases].filter(([, { embargoed }]) => !embargoed)),
);

/** The suffixes that make another version of one. */
const PRE_RELEASES = VERSION_KINDS.filter((kind) => kind !== 'stable' && kind !== 'other').join('|');

/** Replaces every version under embargo in a text by `embargoed`. */
export type Mask = (text: string) => string;

/** The versions under embargo; one may be the beginning of another, so longer ones come first. */
const secretsOf = derivedOnce((releases: Catalogue) =>
  [...releases.values()]
    .filter(({ embargoed }) => embargoed)
    .map(({ version }) => version)
    .sort((a, b) => b.length - a.length),
);

/** The mask for all versions under embargo except those of `named`, which are canonical; null if there are none. */
export function createMask(releases: Catalogue, named: readonly string[] = []): Mask | null {
  const secrets = secretsOf(releases).filter((version) => !named.includes(version));
  if (secrets.length === 0) return null;
  const patterns = secrets.map((version) => version.replaceAll('.', '\\.'));
  // 16.4.8 must match in teleport-16.4.8_amd64.deb, and not inside of 16.4.80, 1.16.4.8 or 16.4.8-rc.1.
  const pattern = new RegExp(
    `(?<![A-Za-z0-9]|\\d\\.)v?(${patterns.join('|')})(?![A-Za-z0-9]|\\.\\d|-(?:${PRE_RELEASES})\\b)`,
    'g',
  );
  // Numbered, so that two masked versions stay two series of a metric.
  const names = new Map(
    secrets.map((version, index) => [version, index === 0 ? 'embargoed' : `embargoed-${index + 1}`]),
  );
  return (text) => text.replace(pattern, (_, version: string) => names.get(version) ?? 'embargoed');
}

/**
 * The entry for readers who must not know of the embargo: one about it shows only that there was a change, when, and by
 * whom. None shows its hash, from which the content of the ones before could be searched.
 */
export function redactEntry(entry: AuditEntry, mask: Mask): AuditEntry {
  const text = JSON.stringify(entry);
  const { writes: _, ...rest } = { ...entry, hash: '' };
  if (mask(text) === text) return { ...entry, hash: '' };
  return { ...rest, subject: mask(entry.subject), reason: 'under embargo', before: null, after: null };
}

/** The report for readers who must not know of the embargo: the release looks unregistered. */
export function withoutEmbargo<R extends Pick<Report, 'target' | 'reasons'>>(report: R): R {
  if (!report.reasons.some(({ reason }) => reason === 'release_embargoed')) return report;
  const unknown = unknownRelease(report.target);
  return { ...report, reasons: [...report.reasons.filter(({ reason }) => !ABOUT_RELEASE.has(reason)), unknown] };
}

/** Reasons that show that the catalogue has the release. */
const ABOUT_RELEASE: ReadonlySet<RefusalReason> = new Set(['release_embargoed', 'release_pulled', 'artifacts_missing']);
