import { agentVersion } from '../../domain/agent-version.ts';
import { createIsCutOff, type ReportedPlane } from '../../domain/cut-off.ts';
import { createStandingOf, STANDINGS, type Standing } from '../../domain/distance.ts';
import type { Catalogue } from '../../domain/release.ts';
import { requireVersion } from '../../domain/version.ts';
import { number } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { percent, STANDING_WORDS } from './words.ts';

/** How far agents of a version are from the target; null on a channel without a target. */
export type StandingOf = (version: string) => Standing | null;
type Share = { standing: Standing | 'unmoved'; count: number };

export const standingsOf = (
  target: string | null,
  catalogue: Catalogue | undefined,
  plane: ReportedPlane | undefined,
): StandingOf =>
  target === null
    ? () => null
    : createStandingOf(requireVersion(target), catalogue ?? new Map(), createIsCutOff(plane));

/** The agents of a census by standing, the farthest along first; without a target they are all `unmoved`. */
export function sharesOf({ agents, distance }: Census): Share[] {
  if (!distance) return agents > 0 ? [{ standing: 'unmoved', count: agents }] : [];
  return STANDINGS.flatMap((standing) => (distance[standing] > 0 ? [{ standing, count: distance[standing] }] : []));
}

/** Where the agents of one version stand, such as `2 majors behind`. */
export function standingWords(version: string, target: string | null, standing: Standing | null): string {
  if (standing === null || target === null) return 'no target';
  const from = agentVersion(version);
  if (standing !== 'majorBehind' || !from) return STANDING_WORDS[standing];
  const majors = requireVersion(target).major - from.major;
  return majors === 1 ? 'a major behind' : `${number(majors)} majors behind`;
}

const wordsOf = (standing: Share['standing']) => (standing === 'unmoved' ? 'no target' : STANDING_WORDS[standing]);

/**
 * The parts of a bar beside each other, each in the colour of its name. Widths are attributes: the content security
 * policy allows no inline style.
 */
export function BarParts({ parts }: { parts: readonly { name: string; count: number }[] }) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let x = 0;
  return (
    <>
      <rect class="bar-empty" width="100%" height="100%" />
      {parts.map(({ name, count }) => {
        const start = x;
        const width = (count / total) * 100;
        x += width;
        return <rect class={`bar-${name}`} x={`${start}%`} width={`${width}%`} height="100%" />;
      })}
    </>
  );
}

export function Bar({ shares }: { shares: Share[] }) {
  const label = shares.map(({ standing, count }) => `${number(count)} ${wordsOf(standing)}`).join(', ');
  return (
    <svg class="bar" role="img" aria-label={label || 'no agents known'} width="100%" height="10">
      <BarParts parts={shares.map(({ standing, count }) => ({ name: standing, count }))} />
    </svg>
  );
}

/** The meaning of the colours of a bar, with the numbers. */
export function Legend({ shares }: { shares: Share[] }) {
  const total = shares.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return <p class="legend muted">no agents known yet</p>;
  return (
    <ul class="legend">
      {shares.map(({ standing, count }) => (
        <li>
          <Swatch standing={standing} /> <b>{number(count)}</b> {wordsOf(standing)}{' '}
          <span class="muted">{percent(count, total)}</span>
        </li>
      ))}
    </ul>
  );
}

export const Swatch = ({ standing }: { standing: Share['standing'] }) => (
  <svg class="swatch" aria-hidden="true" width="9" height="9">
    <rect class={`bar-${standing}`} width="9" height="9" rx="2" />
  </svg>
);
