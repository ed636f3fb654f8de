import type { Channel } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { channelKey, type Snapshot } from '../domain/snapshot.ts';
import { atOnce, type Steps } from '../domain/steps.ts';
import type { Write } from '../domain/store.ts';

declare const byGate: unique symbol;

/**
 * The gate's permission to store one channel with this target and this control plane. Nothing else lets either change,
 * and only service/gate.ts makes it.
 */
export interface Cleared {
  readonly [byGate]: true;
  readonly channel: string;
  readonly target: string | null;
  readonly controlPlane: string | null;
}

const issued = new WeakSet<Cleared>();

/** For the gate alone; test/architecture.test.ts lists the importers. */
export function issueClearance({ name, target, controlPlane }: Channel): Cleared {
  const cleared = Object.freeze({ channel: name, target, controlPlane }) as Cleared;
  issued.add(cleared);
  return cleared;
}

type Steering = Pick<Channel, 'target' | 'controlPlane'>;

/** Must the gate clear the change? A target that is taken away needs no verdict, a control plane that is does. */
export function needsClearance(before: Steering | undefined, after: Steering): boolean {
  const moves = after.target !== null && after.target !== (before?.target ?? null);
  return moves || (before !== undefined && after.controlPlane !== before.controlPlane);
}

/** Throws if a write moves a channel without the gate's permission: a fault of Fairway's own, never of the caller. */
export const requireCleared = (snapshot: Snapshot, writes: readonly Write[], cleared: readonly Cleared[]): void =>
  atOnce(requireClearedInSteps(snapshot, writes, cleared));

/** As `requireCleared`, with a pause wherever polls may be answered. */
export function* requireClearedInSteps(
  { channels }: Snapshot,
  writes: readonly Write[],
  cleared: readonly Cleared[],
): Steps<void> {
  const permissions = new Map<string, Cleared[]>();
  for (const each of cleared) {
    if (!issued.has(each)) continue;
    const key = channelKey(each.channel);
    const own = permissions.get(key);
    if (own) own.push(each);
    else permissions.set(key, [each]);
    yield;
  }
  for (const { key, value } of writes) {
    yield;
    if (!key.startsWith('channel/') || value === null) continue;
    const after = value as Channel;
    if (!needsClearance(channels.get(after.name), after)) continue;
    const permitted = (permissions.get(key) ?? []).some(
      ({ target, controlPlane }) => target === after.target && controlPlane === after.controlPlane,
    );
    if (!permitted)
      throw new FairwayError('internal', `${key} would move to ${after.target} without the gate's verdict`);
  }
}
