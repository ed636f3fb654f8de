import { agents } from './layout.ts';
import type { Evidence, Mark, Plan, VersionCount } from './types.ts';

/** `2026-11-22T18:00:00.000Z` as `2026-11-22 18:00:00 UTC`. */
export const time = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** An actor as the server's sentences name it: `token:ops-1` becomes `token ops-1`. */
export const actor = (name: string): string => name.replace(':', ' ');

/** Who marked a channel, why, and for how long. */
export function mark({ by, reason, at, until }: Mark): string {
  return `since ${time(at)}${until ? ` until ${time(until)}` : ''} by ${actor(by)}, reason: ${reason}`;
}

/** What every list of channels shows when there are none. */
export const NO_CHANNELS = 'no channels yet; describe one in a file, then: fairway apply FILE';

/** The steps of a plan that are still to come. */
export const stepsToCome = ({ route, step }: Plan): string => route.slice(step + 1).join(', ');

const UNITS: [seconds: number, name: string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Seconds in the largest unit that fits at least twice, so that rounding never loses more than a third. */
export function duration(seconds: number): string {
  const [size, name] = UNITS.find(([unit]) => seconds >= 2 * unit) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${name}`;
}

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
