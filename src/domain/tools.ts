import type { Channel } from './channel.ts';
import { findReleaseFaults, type Policy, type Report } from './compatibility.ts';
import type { Catalogue } from './release.ts';
import type { Version } from './version.ts';

/** The verdict on what client tools are told to run. */
export type ToolsReport = Pick<Report, 'target' | 'reasons'>;

/**
 * May client tools be told to run `version`? Only the catalogue and the kinds that the channel accepts count: tools are
 * no agents of the channel, and are installed from packages, never with Helm.
 */
export function assessTools(version: Version, policy: Omit<Policy, 'needsHelm'>): ToolsReport {
  return { target: version.text, reasons: findReleaseFaults(version, { ...policy, needsHelm: false }) };
}

/**
 * What client tools are told to run: the version that was set for them, else the target, back too when a release is
 * pulled (RFD 134, Rollbacks). Null: nothing. A withdrawal takes away the target only, so what was set for tools stays.
 */
export function toolsVersionOf({ toolsVersion, target }: Channel, catalogue: Catalogue): string | null {
  // A pull takes it out of the channel, but a release can also be registered, or applied, as a bad one afterwards.
  const release = toolsVersion ? catalogue.get(toolsVersion) : undefined;
  const served = release ? !release.pulled && !release.embargoed : true;
  return served && toolsVersion ? toolsVersion : target;
}
