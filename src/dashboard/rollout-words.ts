import { parseDuration } from '../domain/duration.ts';
import type { RolloutGroup } from '../domain/rollout-settings.ts';
import { DAYS, type Window } from '../domain/window.ts';
import { count } from '../domain/words.ts';

/** `04:00 Europe/Berlin for 6h` */
export const describeWindow = ({ start, for: length, timeZone }: Window): string =>
  `${start} ${timeZone} for ${length}`;

/** How a group goes: `3 canaries, waves of 10, 50, 100 %, Mon, Tue at 04:00 Europe/Berlin for 6h`. */
export function describeGroup({ canaries, waves, days, window, waitHours, soak = '0s' }: RolloutGroup): string {
  const on = days.length === DAYS.length ? [] : [days.join(', ')];
  const at = window ? [`${on.length > 0 ? '' : 'daily '}at ${describeWindow(window)}`] : [];
  const when = [...on, ...at].join(' ');
  return [
    ...(canaries > 0 ? [count(canaries, 'canary', 'canaries')] : []),
    waves.length > 1 ? `waves of ${waves.join(', ')} %` : 'all at once',
    ...(parseDuration(soak) ? [`each watched for ${soak}`] : []),
    ...(when ? [when] : []),
    ...(waitHours > 0 ? [`${waitHours} h after the group before`] : []),
  ].join('; ');
}
