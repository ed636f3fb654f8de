import { type Channel, describeHold } from './channel.ts';
import { isMachine } from './role.ts';
import type { ScheduledChange } from './schedule.ts';
import { clock, who } from './words.ts';

/**
 * What happened to the channel since the change was accepted that forbids it to go forward now, in a sentence; null if
 * nothing did. A machine held it, or a person stopped or took back its rollout. What people do to the target itself
 * overtakes the change at once.
 */
export function barredBy(channel: Channel, { verb, acceptedAt }: ScheduledChange): string | null {
  if (verb !== 'roll-forward') return null;
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
