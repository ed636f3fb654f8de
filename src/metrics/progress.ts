import type { Registry } from 'prom-client';
import type { Channel } from '../domain/channel.ts';
import { parseDuration } from '../domain/duration.ts';
import { stepSince } from '../domain/plan.ts';
import { type Stage, soakedAt, standingOf } from '../domain/promotion.ts';
import { halfOf, runningStage } from '../domain/promotion-halves.ts';
import { isMoving, type Rollout } from '../domain/rollout.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { compareVersions } from '../domain/version.ts';
import { WATCH_ACTOR } from '../domain/watch-settings.ts';
import type { Channels } from '../service/channels.ts';
import type { State } from '../service/state.ts';
import { gauge } from './scraped.ts';

export interface ProgressSources {
  state: Pick<State, 'peek'>;
  channels: Pick<Channels, 'list'>;
  stages: readonly Stage[];
}

/** Promotions with series; older ones have none. */
const NEWEST_PROMOTIONS = 20;

/** Since when pins, critical marks, plans and stages last, for alerts on forgotten ones. All servers agree on them. */
export function watchProgress(registers: Registry[], { state, channels, stages }: ProgressSources): void {
  const all = () => (state.peek() === null ? [] : channels.list());
  watchRollouts(registers, () =>
    all().flatMap((channel) => (channel.progress ? [{ ...channel, progress: channel.progress }] : [])),
  );
  gauge(
    registers,
    'fairway_rollout_halted_timestamp_seconds',
    'When the watch stopped a move, or a rollout was halted',
    ['channel'],
    () =>
      all().flatMap(({ name, hold, progress }) => {
        const halted = progress?.halted ?? (hold?.by === WATCH_ACTOR ? hold : null);
        return halted ? [[{ channel: name }, seconds(halted.at)]] : [];
      }),
  );
  gauge(
    registers,
    'fairway_channel_critical_timestamp_seconds',
    'When a critical channel was marked as critical',
    ['channel'],
    () => all().flatMap(({ name, critical }) => (critical ? [[{ channel: name }, seconds(critical.at)]] : [])),
  );
  gauge(registers, 'fairway_channel_pin_timestamp_seconds', 'When a pinned channel was pinned', ['channel'], () =>
    all().flatMap(({ name, pin }) => (pin ? [[{ channel: name }, seconds(pin.at)]] : [])),
  );
  gauge(registers, 'fairway_plan_step_timestamp_seconds', 'When a plan reached its present step', ['channel'], () =>
    all().flatMap((channel) => {
      const since = stepSince(channel);
      return since === null ? [] : [[{ channel: channel.name }, seconds(since)]];
    }),
  );
  gauge(
    registers,
    'fairway_promotion_stage_timestamp_seconds',
    'When the present stage of a release reached its state; only the newest releases under way',
    ['version', 'stage', 'state'],
    () =>
      newestRunning(state.peek(), stages).map(({ promotion, stage, progress }) => [
        { version: promotion.version, stage: stage.name, state: progress.state },
        seconds(progress.since ?? promotion.updatedAt),
      ]),
  );
  gauge(
    registers,
    'fairway_promotion_soaked_timestamp_seconds',
    'When a soaking stage will be complete',
    ['version', 'stage'],
    () =>
      newestRunning(state.peek(), stages).flatMap(({ promotion, stage, progress }) =>
        progress.state === 'soaking'
          ? [[{ version: promotion.version, stage: stage.name }, soakedAt(stage, progress).getTime() / 1000]]
          : [],
      ),
  );
}

/** Groups by their state, and what people must know of: a halt, and groups that take longer than they should. */
function watchRollouts(registers: Registry[], rolling: () => Rolling[]): void {
  const groups = () =>
    rolling().flatMap(({ name, progress }) => progress.groups.map((group) => ({ channel: name, progress, group })));
  gauge(registers, 'fairway_rollout_group_state', 'The state of each group', ['channel', 'group', 'state'], () =>
    groups().map(({ channel, group: { settings, state } }) => [{ channel, group: settings.name, state }, 1]),
  );
  gauge(
    registers,
    'fairway_rollout_group_slow_timestamp_seconds',
    'When a group that has begun and is not done counts as slow; none while it is stopped',
    ['channel', 'group'],
    () =>
      groups().flatMap(({ channel, progress, group: { settings, state, startedAt } }) => {
        const waits = isMoving(progress) && (state === 'canary' || state === 'active') && startedAt !== null;
        const length = (parseDuration(settings.alertAfter) ?? 0) / 1_000;
        return waits ? [[{ channel, group: settings.name }, seconds(startedAt) + length]] : [];
      }),
  );
}

type Rolling = Channel & { progress: Rollout };

const seconds = (iso: string) => Date.parse(iso) / 1000;

function newestRunning(snapshot: Snapshot | null, stages: readonly Stage[]) {
  if (snapshot === null) return [];
  const running = [...snapshot.promotions.values()].flatMap((promotion) => {
    const release = snapshot.releases.get(promotion.version);
    const running = release ? runningStage(promotion, release, stages) : null;
    if (!running) return [];
    const { half, stage } = running;
    return [{ promotion, stage, progress: standingOf(halfOf(promotion, half), stage) }];
  });
  const newestFirst = running.sort((a, b) => compareVersions(b.promotion.version, a.promotion.version));
  return newestFirst.slice(0, NEWEST_PROMOTIONS);
}
