import type { Logger } from 'pino';
import { type Act, type Channel, rollBack, stamp } from '../domain/channel.ts';
import { lowestOf } from '../domain/control-plane.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Actor } from '../domain/role.ts';
import { ROLLOUT_MOVES, stopRollout } from '../domain/rollout.ts';
import type { RolloutFacts } from '../domain/rollout-step.ts';
import { channelKey, type Stored, watchKey } from '../domain/snapshot.ts';
import type { Tracer } from '../domain/tracer.ts';
import { requireVersion } from '../domain/version.ts';
import {
  beforeMove,
  isBaseOf,
  judgeMove,
  nameMove,
  takeBase,
  type WatchBase,
  type WatchedMove,
  watchedGroups,
  watchedMove,
} from '../domain/watch.ts';
import { DEFAULT_WATCH, WATCH_ACTOR } from '../domain/watch-settings.ts';
import { count, shortened } from '../domain/words.ts';
import { inSlices } from '../process/turns.ts';
import { countWarnings } from '../process/warnings.ts';
import { commitDocument, targetGuards } from './change.ts';
import type { ChannelObserver } from './channels.ts';
import type { Gate } from './gate.ts';
import { type AskConditions, createLastingConditions } from './lasting-conditions.ts';
import type { GatherRolloutFacts } from './rollout-facts.ts';
import type { State } from './state.ts';

export interface WatchOptions {
  state: State;
  gate: Pick<Gate, 'clear'>;
  facts: GatherRolloutFacts;
  conditions: AskConditions;
  observer: Pick<ChannelObserver, 'targetChanged'>;
  tracer: Tracer;
  now: () => Date;
  log: Logger;
}

/** Looks at what moves do to agents, and stops those that look bad. */
export interface Watch {
  /** Looks at every move that is watched now. */
  look(fence: number): Promise<void>;
}

const ACTOR: Actor = { name: WATCH_ACTOR, role: 'operator' };

/** What the leader remembers of a move. */
interface Memory {
  move: string;
  /** The gate has refused the way back; another leader asks again. */
  refused: boolean;
}

export function createWatch({ state, gate, facts, conditions, observer, tracer, now, log }: WatchOptions): Watch {
  const warn = countWarnings(log);
  const memories = new Map<string, Memory>();
  const lasting = createLastingConditions(conditions, now);

  function remember(channel: string, move: string): void {
    if (memories.get(channel)?.move !== move) memories.set(channel, { move, refused: false });
  }

  /** What the move is compared with. It is stored at the first look, in a document of its own. */
  async function baseOf(
    { name, target }: Stored<Channel>,
    move: WatchedMove,
    known: RolloutFacts,
    controlPlane: string | null,
    fence: number,
  ): Promise<WatchBase> {
    const key = watchKey(name);
    const stored = state.snapshot().documents.get(key);
    const before = stored && { ...(stored.value as WatchBase), revision: stored.revision };
    if (before && isBaseOf(before, move)) return before;
    const at = now();
    const after = takeBase(name, move, known.groups, controlPlane, at);
    const heard = [...known.groups.values()].reduce((sum, group) => sum + group.heard, 0);
    const reason = `before ${target}: ${count(heard, 'agent')}`;
    await commitDocument(state, { key, before, after, action: 'watch', reason, actor: ACTOR, at, fence });
    return after;
  }

  /** Why the move must stop; null if nothing looks bad. */
  async function judge(channel: Stored<Channel>, move: WatchedMove, fence: number): Promise<string | null> {
    const known = await facts(channel, move.rollout);
    const plane = state.snapshot().controlPlanes.get(channel.controlPlane ?? '');
    const controlPlane = plane ? lowestOf(plane) : null;
    const base = await baseOf(channel, move, known, controlPlane, fence);
    const before = beforeMove(move, base);
    const settings = channel.watch ?? DEFAULT_WATCH;
    return judgeMove(settings, {
      groups: watchedGroups(move).flatMap(({ settings: { name } }) => known.groups.get(name) ?? []),
      present: before.present,
      failedBefore: before.failed,
      controlPlane: { was: base.controlPlane, is: controlPlane },
      conditions: await lasting.failing(`${channel.name} ${base.move}`, settings.conditions),
    });
  }

  async function halt(
    before: Stored<Channel>,
    { plain, rollout }: WatchedMove,
    reason: string,
    fence: number,
  ): Promise<void> {
    const at = now();
    const act: Act = { by: WATCH_ACTOR, at, reason };
    const hold = before.hold ?? { by: act.by, at: at.toISOString(), reason };
    const after: Channel = {
      ...before,
      hold,
      ...(plain ? {} : { progress: stopRollout(rollout, 'halt', act) }),
      ...stamp(act),
    };
    const entry = { before: { state: rollout.state, hold: before.hold }, after: { state: 'halted', hold } };
    const key = channelKey(before.name);
    const attributes = { 'fairway.channel': before.name };
    await tracer.span('watch halt', { attributes }, () =>
      commitDocument(state, { key, before, after, action: 'halt', reason, actor: ACTOR, at, fence, entry }),
    );
    log.error({ channel: before.name, target: before.target, reason }, 'the watch has halted a move');
  }

  /** Takes a move back that was halted, through the gate. */
  async function goBack(before: Stored<Channel>, { rollout }: WatchedMove, fence: number): Promise<void> {
    const memory = memories.get(before.name);
    if (rollout.from === null || memory?.refused) return;
    const at = now();
    const reason = shortened(`the watch halted ${rollout.to}: ${before.hold?.reason}`);
    const act: Act = { by: WATCH_ACTOR, at, reason };
    try {
      const after = rollBack(before, requireVersion(rollout.from), false, act);
      const { cleared } = await gate.clear(before, after, { actor: ACTOR, dryRun: false }, { wayOut: true });
      const guards = targetGuards(state.snapshot().releases, after);
      const key = channelKey(before.name);
      await commitDocument(state, {
        key,
        before,
        after,
        action: 'roll-back',
        reason,
        actor: ACTOR,
        at,
        fence,
        guards,
        cleared,
      });
      observer.targetChanged(before.name, 'roll-back');
      log.warn({ channel: before.name, target: after.target }, reason);
    } catch (error) {
      if (!(error instanceof FairwayError) || error.code === 'revision_mismatch' || error.code === 'store_unavailable')
        throw error;
      if (memory) memory.refused = true;
      log.error({ err: error, channel: before.name }, 'the watch could not take a move back; it stays halted');
    }
  }

  async function lookAt(channel: Stored<Channel>, fence: number): Promise<void> {
    const move = watchedMove(channel, now());
    if (!move) {
      memories.delete(channel.name);
      return;
    }
    remember(channel.name, nameMove(move.rollout));
    const isHalted = move.plain ? channel.hold !== null : !ROLLOUT_MOVES.halt.includes(move.rollout.state);
    if (isHalted) {
      const byWatch = channel.hold?.by === WATCH_ACTOR;
      if (byWatch && (channel.watch ?? DEFAULT_WATCH).then === 'roll-back') await goBack(channel, move, fence);
      return;
    }
    const reason = await judge(channel, move, fence);
    if (reason) await halt(channel, move, reason, fence);
  }

  return {
    async look(fence) {
      if (state.storeState().is !== 'up') return;
      const { channels } = state.snapshot();
      for (const name of memories.keys()) if (!channels.has(name)) memories.delete(name);
      const kept = new Set([...memories].map(([name, { move }]) => `${name} ${move}`));
      lasting.prune((of) => kept.has(of));
      await inSlices(channels.values(), (channel) =>
        lookAt(channel, fence).catch((error) => {
          // Someone else changed the channel, or another server leads: the next look sees what is now.
          if (error instanceof FairwayError && error.code === 'revision_mismatch') return;
          warn({ err: error, channel: channel.name }, 'a move could not be watched; it will be looked at again');
        }),
      );
    },
  };
}
