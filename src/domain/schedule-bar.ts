import { type Channel, describeHold, presentTarget } from './channel.ts';
import { holdsAt } from './freeze.ts';
import type { GlobalFreezes } from './global-freeze.ts';
import { isMachine } from './role.ts';
import type { ScheduledChange } from './schedule.ts';
import { compareVersions } from './version.ts';
import { clock, who } from './words.ts';

/**
 * What happened to the channel since the change was accepted that forbids it to go forward now, in a sentence; null if
 * nothing did. A machine held it, or a person stopped or took back its rollout. What people do to the target itself
 * overtakes the change at once.
 */
export function barredBy(channel: Channel, change: ScheduledChange): string | null {
  if (!goesForward(channel, change)) return null;
  const { acceptedAt } = change;
  const { name, hold, progress } = channel;
  const isNews = (at: string | null | undefined) => !!at && Date.parse(at) > Date.parse(acceptedAt);
  if (hold && isMachine(hold.by) && isNews(hold.at)) return `${name} is ${describeHold(channel)}`;
  const stopped = progress?.halted ?? progress?.paused;
  if (stopped && isNews(stopped.at)) {
    const what = `the rollout of ${name} was ${progress?.state} at ${clock(stopped.at)} by ${who(stopped.by)}`;
    return `${what}: ${stopped.reason}; to let it go on: fairway rollout resume ${name}`;
  }
  const back = progress?.groups.find(({ state, since }) => state === 'rolledback' && isNews(since));
  if (!back) return null;
  return `group ${back.settings.name} of ${name} was rolled back at ${clock(back.since ?? '')}; see: fairway rollout ${name}`;
}

function goesForward(channel: Channel, { verb, input: { version } }: ScheduledChange): boolean {
  if (verb !== 'pin' || version === undefined) return verb === 'roll-forward';
  const present = presentTarget(channel);
  return present === null || compareVersions(version, present) > 0;
}

/** Was a freeze of all channels that holds at `at` added after the change was accepted? It overrides none of those. */
export const isFrozenSince = ({ freezes }: GlobalFreezes, { acceptedAt }: ScheduledChange, at: Date): boolean =>
  freezes.some((freeze) => holdsAt(freeze, at) && Date.parse(freeze.at) >= Date.parse(acceptedAt));
