import type { Channel } from './channel.ts';
import { currentStage, hasReached, type Promotion, type Stage } from './promotion.ts';
import { agentsProgress } from './promotion-halves.ts';
import type { Release } from './release.ts';
import { compareVersions, type Version } from './version.ts';

/** What the rule is judged by. */
export interface Promoted {
  stages: readonly Stage[];
  /** As far as the asker may know of them. */
  releases: ReadonlyMap<string, Release>;
  promotions: ReadonlyMap<string, Promotion>;
}

/**
 * Why the channel should not be moved to `target` by hand: it belongs to a stage that the release has not reached
 * (RFD 134, Cloud promotion process). Null if nothing speaks against it: the channel is in no stage, releases of this
 * kind are not promoted, the channel has had the release, or it goes back.
 */
export function whyNotPromoted(
  { name, target: present, lineage, served }: Pick<Channel, 'name' | 'target' | 'lineage' | 'served'>,
  target: Version,
  { stages, releases, promotions }: Promoted,
): string | null {
  const own = stages.filter(({ channels }) => channels.includes(name));
  const version = target.text;
  if (own.length === 0 || !stages[0]?.accepts.includes(target.kind)) return null;
  if (present === version || lineage.includes(version) || served.some((each) => each.version === version)) return null;
  if (present !== null && compareVersions(present, target) >= 0) return null;
  const promotion = releases.has(version) ? promotions.get(version) : undefined;
  const names = own.map((stage) => stage.name).join(' and ');
  const who = 'a release manager may move the channel by hand';
  if (!promotion) {
    return `${name} belongs to stage ${names}, and ${version} is not promoted; register it: fairway releases register ${version}; ${who}`;
  }
  if (own.some((stage) => hasReached(agentsProgress(promotion, stage.name)))) return null;
  const last = Math.max(...own.map((stage) => stages.indexOf(stage)));
  const missing = stages
    .slice(0, last + 1)
    .filter((stage) => agentsProgress(promotion, stage.name).state !== 'complete')
    .map((stage) => `${stage.name} is ${agentsProgress(promotion, stage.name).state}`);
  const current = currentStage(promotion, stages);
  const mayStart = current && own.includes(current) && agentsProgress(promotion, current.name).state === 'waiting';
  const verb = mayStart ? 'start' : 'show';
  return `${version} has not reached stage ${names} of ${name} (${missing.join(', ')}); next: fairway promote ${verb} ${version}; ${who}`;
}
