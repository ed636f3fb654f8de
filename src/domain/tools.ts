import type { Channel } from './channel.ts';
import {
  type ControlPlaneState,
  findControlPlaneFaults,
  findReleaseFaults,
  type Policy,
  type Report,
} from './compatibility.ts';
import { type Catalogue, versionsOf } from './release.ts';
import { compareVersions, requireVersion, type Version } from './version.ts';

/** The verdict on a version for client tools. */
export type ToolsReport = Pick<Report, 'target' | 'reasons'>;

/**
 * May the channel serve `version` to client tools? The catalogue, the kinds that the channel accepts and its control
 * plane are checked, which takes clients of its own major and the one before (RFD 12). Agents are not: tools are no agents
 * of the channel, and are installed from packages, never with Helm.
 */
export function assessTools(
  version: Version,
  policy: Omit<Policy, 'needsHelm'>,
  controlPlane: ControlPlaneState | null,
): ToolsReport {
  const planeFaults = findControlPlaneFaults(version, controlPlane, 'client tools');
  return {
    target: version.text,
    reasons: [...planeFaults, ...findReleaseFaults(version, { ...policy, needsHelm: false })],
  };
}

/**
 * The newest version below `bad`, a release that is pulled, that the channel may serve to client tools: one of its
 * former targets, or of the catalogue; null if none passes. Agents do not go back a major, tools do (RFD 134,
 * Rollbacks).
 */
export function findToolsFallback(
  bad: Version,
  { lineage }: Pick<Channel, 'lineage'>,
  policy: Omit<Policy, 'needsHelm'>,
  controlPlane: ControlPlaneState | null,
): Version | null {
  const fits = (version: Version) =>
    compareVersions(version, bad) < 0 && assessTools(version, policy, controlPlane).reasons.length === 0;
  // Both lists are in order, and a pull asks for thousands of channels.
  const former = lineage.map(requireVersion).findLast(fits) ?? null;
  const known = versionsOf(policy.catalogue).find(fits) ?? null;
  return former && known ? (compareVersions(former, known) > 0 ? former : known) : (former ?? known);
}

/**
 * The version for client tools: the one that is set for them unless it was pulled (RFD 134, Rollbacks) or is under
 * embargo, otherwise the target, otherwise what a pull left for them, otherwise null. Withdrawing the target does not
 * change a version set for tools.
 */
export function toolsVersionOf({ toolsVersion, target, toolsFallback }: Channel, catalogue: Catalogue): string | null {
  const isServed = (version: string | null | undefined): version is string => {
    const release = version ? catalogue.get(version) : undefined;
    return Boolean(version) && !release?.pulled && !release?.embargoed;
  };
  // A pull also clears the setting, but a release can be registered or applied as pulled later.
  if (isServed(toolsVersion)) return toolsVersion;
  return target ?? (isServed(toolsFallback) ? toolsFallback : null);
}
