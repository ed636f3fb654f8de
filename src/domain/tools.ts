import type { Channel } from './channel.ts';
import {
  type ControlPlaneState,
  findControlPlaneFaults,
  findReleaseFaults,
  type Policy,
  type Report,
} from './compatibility.ts';
import type { Catalogue } from './release.ts';
import type { Version } from './version.ts';

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
 * The version for client tools: the one that is set for them unless it was pulled (RFD 134, Rollbacks) or is under
 * embargo, otherwise the target, otherwise null. Withdrawing the target does not change a version set for tools.
 */
export function toolsVersionOf({ toolsVersion, target }: Channel, catalogue: Catalogue): string | null {
  // A pull also clears the setting, but a release can be registered or applied as pulled later.
  const release = toolsVersion ? catalogue.get(toolsVersion) : undefined;
  const served = release ? !release.pulled && !release.embargoed : true;
  return served && toolsVersion ? toolsVersion : target;
}
