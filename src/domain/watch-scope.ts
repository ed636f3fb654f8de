import type { Population } from './census.ts';
import type { Channel } from './channel.ts';
import { parseDuration } from './duration.ts';
import { watchedMove } from './watch.ts';
import { DEFAULT_WATCH } from './watch-settings.ts';

/** What the watch of a move looks at, and what it cannot see and why, as parts of sentences. */
export interface WatchScope {
  /** When it ends (ISO 8601); null while agents are still to be told. */
  until: string | null;
  sees: string[];
  blind: string[];
}

/** What is watched of the channel's last move; null if no move is watched. `plane` is its control plane's version. */
export function watchScope(
  channel: Channel,
  { evidence, followers }: Pick<Population, 'evidence' | 'followers'>,
  plane: string | null,
  at: Date,
): WatchScope | null {
  const move = watchedMove(channel, at);
  if (!move) return null;
  const { name, controlPlane } = channel;
  const settings = channel.watch ?? DEFAULT_WATCH;
  const names = (source: string) => evidence.some((each) => each.source === source && each.versions.size > 0);
  const listed = names('inventory');
  const isNamed = listed || names('check-ins');
  const sees: string[] = [];
  const blind: string[] = [];
  const look = (can: boolean, what: string, why: string) =>
    can ? sees.push(what) : blind.push(`${what}, because ${why}`);
  const source = followers > 0 ? 'no source names them' : 'no source knows any';
  look(
    isNamed,
    'agents that go back or fall silent',
    `${source}; import an inventory: fairway inventory import FILE -c ${name}`,
  );
  look(listed, 'updaters that fail', 'only inventories report them');
  if (controlPlane !== null) look(plane !== null, `control plane ${controlPlane}`, 'its version is not known');
  sees.push(...settings.conditions.map((condition) => `the condition ${condition.name}`));
  const { state, since } = move.rollout;
  const end = state === 'done' ? Date.parse(since) + (parseDuration(settings.for) ?? 0) : null;
  return { until: end === null ? null : new Date(end).toISOString(), sees, blind };
}
