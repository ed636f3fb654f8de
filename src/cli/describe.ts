import { duration } from '../domain/duration.ts';
import { who } from '../domain/words.ts';
import { agents } from './layout.ts';
import type { Evidence, Mark, Plan, VersionCount } from './types.ts';

/** `2026-11-22T18:00:00.000Z` as `2026-11-22 18:00:00 UTC`. */
export const time = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Who marked a channel, why, and for how long. */
export function mark({ by, reason, at, until }: Mark): string {
  return `since ${time(at)}${until ? ` until ${time(until)}` : ''} by ${who(by)}, reason: ${reason}`;
}

/** What every list of channels shows when there are none. */
export const NO_CHANNELS = 'no channels yet; describe one in a file, then: fairway apply FILE';

/** The steps of a plan that are still to come. */
export const stepsToCome = ({ route, step }: Plan): string => route.slice(step + 1).join(', ');

/** The lowest version and how many agents run it. */
export const oldest = ({ version, count }: VersionCount): string => `${version} (${agents(count)})`;

/** One line about a source: what it knows, and how old that is. */
export function evidence({ source, agents: known, oldest: lowest, age, fresh }: Evidence): string {
  if (source === 'presumed')
    return `presumed: ${agents(known)}, one for each recently served version, because no complete evidence is fresh`;
  const parts = [
    `${source}: ${agents(known)}`,
    ...(lowest ? [`oldest ${lowest.version}`] : []),
    ...(age === null ? [] : [`${duration(age)} old`]),
    ...(fresh ? [] : ['too old to count']),
  ];
  return parts.join(', ');
}
