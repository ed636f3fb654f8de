import { parseDuration } from '../domain/duration.ts';
import type { Freeze } from '../domain/freeze.ts';
import type { RolloutGroup } from '../domain/rollout-settings.ts';
import type { WatchSettings } from '../domain/watch-settings.ts';
import { DAYS, type Window } from '../domain/window.ts';
import { clock, count } from '../domain/words.ts';

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

/** `for 2h; maxReverted 2%; errors: sum(rate(errors[5m])) < 1 for 1m; then halt` */
export const describeWatch = (watch: WatchSettings): string =>
  Object.entries(watch)
    .flatMap(([name, value]: [string, string | number | WatchSettings['conditions']]) =>
      Array.isArray(value)
        ? value.map((condition) => `${condition.name}: ${condition.query} for ${condition.for}`)
        : `${name} ${value}`,
    )
    .join('; ');

/** `2026-12-23 00:00 UTC to 2026-12-27 00:00 UTC: holidays (lets through: roll-back, critical)` */
export const describeFreeze = ({ from, until, reason, except }: Freeze): string =>
  `${clock(from)} to ${clock(until)}: ${reason} (lets through: ${except.join(', ') || 'nothing'})`;
