import { planTags, type TagPlan } from './docker-tags.ts';
import type { Catalogue } from './release.ts';
import { branchOf, USES } from './release-branch.ts';
import { lineOf } from './release-line.ts';
import { type SupportState, supportOf } from './support.ts';
import type { Version, VersionKind } from './version.ts';

/** What a version's text shows, and what the catalogue adds. */
export interface VersionExplanation {
  version: string;
  kind: VersionKind;
  /** `cloud`, `16`, or `4.3` below major 6. */
  line: string;
  branch: string | null;
  /** Where such a release may be used. */
  use: string;
  support: SupportState;
  /** ISO 8601. */
  cutAt: string | null;
  hash: string | null;
  tags: TagPlan;
}

export function explainVersion(version: Version, catalogue: Catalogue): VersionExplanation {
  return {
    version: version.text,
    kind: version.kind,
    line: lineOf(version),
    branch: catalogue.get(version.text)?.branch ?? branchOf(version),
    use: USES[version.kind],
    support: supportOf(version, catalogue),
    cutAt: version.cloud?.cutAt.toISOString() ?? null,
    hash: version.cloud?.hash ?? null,
    tags: planTags(version, catalogue),
  };
}
