import { compareVersions } from './version.ts';
import { DAYS, describeMoment, openingAt, type Window } from './window.ts';
import { clock } from './words.ts';

/** What a freeze may let through: targets that go back, and targets that are marked critical. */
export const FREEZE_EXEMPTIONS = ['roll-back', 'critical'] as const;
export type FreezeExemption = (typeof FREEZE_EXEMPTIONS)[number];

/** A time in which targets do not move, from `from` (included) to `until`; both ISO 8601. */
export interface Freeze {
  from: string;
  until: string;
  reason: string;
  except: FreezeExemption[];
}

export const MAX_FREEZES = 50;

/** What freezes and windows need of a channel. */
interface Freezable {
  name: string;
  freezes?: readonly Freeze[] | null | undefined;
}

/** How a target moves. */
export type TargetMove = 'forward' | FreezeExemption;

/**
 * A freeze with where it was set: `the server's settings`, `the settings of stable/cloud` or `freeze xmas of token
 * ops`.
 */
export interface Holding extends Freeze {
  by: string;
  /** The command that ends it; unset where a setting does. */
  end?: string | undefined;
}

/** Returns what is wrong with a freeze, or null. */
export function freezeFault({ from, until }: Pick<Freeze, 'from' | 'until'>): string | null {
  return Date.parse(until) > Date.parse(from) ? null : 'until must be after from';
}

/**
 * How a change moves the target of a channel; null if it does not. A target that is taken away is none, and neither is
 * the first target of a new channel (`before` is null).
 */
export function targetMove(
  before: { target: string | null; lineage: readonly string[] } | null,
  after: { target: string | null; critical: object | null },
): TargetMove | null {
  if (before === null || after.target === null || after.target === before.target) return null;
  const from = before.target ?? before.lineage.at(-1);
  if (from !== undefined && compareVersions(after.target, from) < 0) return 'roll-back';
  return after.critical ? 'critical' : 'forward';
}

/** The freezes of the server's settings, which hold for all channels. */
export const ofSettings = (freezes: readonly Freeze[]): Holding[] =>
  freezes.map((freeze) => ({ ...freeze, by: "the server's settings" }));

/** Does the freeze hold at `at`? */
export const holdsAt = ({ from, until }: Pick<Freeze, 'from' | 'until'>, at: Date): boolean =>
  Date.parse(from) <= at.getTime() && at.getTime() < Date.parse(until);

/** The freeze that forbids the move at `at` and ends last, of the channel's own and of those of all channels; or null. */
export function frozenBy(channel: Freezable, globals: readonly Holding[], at: Date, move: TargetMove): Holding | null {
  const { freezes } = channel;
  if (globals.length === 0 && !freezes?.length) return null;
  const holding = [
    ...globals,
    ...(freezes ?? []).map((freeze) => ({ ...freeze, by: `the settings of ${channel.name}` })),
  ].filter((freeze) => holdsAt(freeze, at) && (move === 'forward' || !freeze.except.includes(move)));
  return holding.sort((a, b) => Date.parse(b.until) - Date.parse(a.until))[0] ?? null;
}

/** `frozen until 2026-12-27 00:00 UTC by the server's settings: holidays` */
export const describeFreeze = ({ until, by, reason }: Holding): string =>
  `frozen until ${clock(until)} by ${by}: ${reason}`;

/** The same for readers who may end it. */
export const describeEnd = (freeze: Holding): string =>
  `${describeFreeze(freeze)}${freeze.end ? `; to end it: ${freeze.end}` : ''}`;

/** Why an automatic move does not begin now. */
export interface Closed {
  reason: 'frozen' | 'window';
  detail: string;
}

/**
 * Why no automatic move of the channel may begin at `at`; null if it may. A channel with groups has their windows, and a
 * critical move opens a window.
 */
export function closedAt(
  channel: Freezable & { window?: Window | null | undefined; rollout?: object | null | undefined },
  globals: readonly Holding[],
  at: Date,
  critical: boolean,
): Closed | null {
  const freeze = frozenBy(channel, globals, at, critical ? 'critical' : 'forward');
  if (freeze) return { reason: 'frozen', detail: `${channel.name} is ${describeFreeze(freeze)}` };
  if (critical || channel.rollout || !channel.window) return null;
  return outside(channel.name, channel.window, at);
}

function outside(name: string, window: Window, at: Date): Closed | null {
  const opening = openingAt({ window, days: DAYS }, at);
  if (opening.open) return null;
  return { reason: 'window', detail: `the window of ${name} opens at ${describeMoment(opening.until, window)}` };
}
