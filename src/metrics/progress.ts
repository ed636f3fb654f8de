import type { Registry } from 'prom-client';
import { type Channel, channelAt, isRollingOut } from '../domain/channel.ts';
import { parseDuration } from '../domain/duration.ts';
import { stepSince } from '../domain/plan.ts';
import { type Stage, soakedAt, standingOf } from '../domain/promotion.ts';
import { isScheduled, serves } from '../domain/promotion-gates.ts';
import { halfOf, runningStage } from '../domain/promotion-halves.ts';
import { type GroupProgress, isMoving, type Rollout } from '../domain/rollout.ts';
import { timedUntil } from '../domain/rollout-step.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { compareVersions } from '../domain/version.ts';
import { WATCH_ACTOR } from '../domain/watch-settings.ts';
import type { Channels } from '../service/channels.ts';
import type { Gate } from '../service/gate.ts';
import type { State } from '../service/state.ts';
import { gauge } from './scraped.ts';

export interface ProgressSources {
  state: Pick<State, 'peek'>;
  gate: Pick<Gate, 'closed'>;
  now: () => Date;
  channels: Pick<Channels, 'list'>;
  stages: readonly Stage[];
}

/** Promotions with series; older ones have none. */
const NEWEST_PROMOTIONS = 20;

/** Since when pins, critical marks, plans and stages last, for alerts on forgotten ones. All servers agree on them. */
export function watchProgress(registers: Registry[], { state, gate, channels, stages, now }: ProgressSources): void {
  const all = () => (state.peek() === null ? [] : channels.list());
  watchRollouts(
    registers,
    () => all().flatMap((channel) => (channel.progress ? [{ ...channel, progress: channel.progress }] : [])),
    now,
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
  gauge(
    registers,
    'fairway_channel_critical_until_timestamp_seconds',
    'When the critical mark of a channel ends; none if it has no end',
    ['channel'],
    () => all().flatMap(({ name, critical }) => endOf(name, critical)),
  );
  gauge(
    registers,
    'fairway_channel_scheduled',
    'Scheduled changes of a channel by state: waits, missed, refused or overtaken',
    ['channel', 'state'],
    () => all().flatMap(({ name, scheduled }) => countStates(name, scheduled)),
  );
  gauge(registers, 'fairway_channel_pin_timestamp_seconds', 'When a pinned channel was pinned', ['channel'], () =>
    all().flatMap(({ name, pin }) => (pin ? [[{ channel: name }, seconds(pin.at)]] : [])),
  );
  gauge(
    registers,
    'fairway_channel_pin_until_timestamp_seconds',
    'When the pin of a channel ends; none if it has no end',
    ['channel'],
    () => all().flatMap(({ name, pin }) => endOf(name, pin)),
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
    'fairway_promotion_stage_scheduled',
    'Does a rolling stage wait only for rollouts, windows, freezes and pins with an end?',
    ['version', 'stage'],
    () =>
      newestRunning(state.peek(), stages).map(({ promotion: { version }, stage, progress }) => {
        if (progress.state !== 'rolling') return [{ version, stage: stage.name }, 0];
        const closed = (channel: Channel) => gate.closed(channel, progress.started?.critical ?? false);
        const missing = stage.channels
          .map((name) => state.peek()?.channels.get(name))
          .map((channel) => channel && channelAt(channel, now()))
          .filter((channel) => !channel || !serves(channel, version) || isRollingOut(channel));
        const isTimed =
          missing.length > 0 && missing.every((channel) => channel && isScheduled(channel, closed(channel)));
        return [{ version, stage: stage.name }, isTimed ? 1 : 0];
      }),
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

function countStates(channel: string, scheduled: Channel['scheduled'] = []): [Record<string, string>, number][] {
  const states = new Map<string, number>();
  for (const { undone } of scheduled) {
    const state = undone?.state ?? 'waits';
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return [...states].map(([state, changes]) => [{ channel, state }, changes]);
}

/** Groups by their state, and what people must know of: a halt, and groups that take longer than they should. */
function watchRollouts(registers: Registry[], rolling: () => Rolling[], now: () => Date): void {
  const groups = () => rolling().flatMap((channel) => channel.progress.groups.map((group) => ({ channel, group })));
  gauge(registers, 'fairway_rollout_group_state', 'The state of each group', ['channel', 'group', 'state'], () =>
    groups().map(({ channel: { name: channel }, group: { settings, state } }) => [
      { channel, group: settings.name, state },
      1,
    ]),
  );
  gauge(
    registers,
    'fairway_rollout_group_slow_timestamp_seconds',
    'When a group that has begun and is not done counts as slow; none while it is stopped, or its window has to end',
    ['channel', 'group'],
    () =>
      groups().flatMap(({ channel, group }) => {
        const at = slowAt(channel, group, now());
        return at === null ? [] : [[{ channel: channel.name, group: group.settings.name }, at]];
      }),
  );
}

/** When the group counts as slow, in seconds since 1970; null while nothing is expected of it. */
function slowAt({ progress, pin, hold }: Rolling, group: GroupProgress, now: Date): number | null {
  const { state, startedAt, settings } = group;
  const isUnderWay = (state === 'canary' || state === 'active') && startedAt !== null;
  if (!isUnderWay || !isMoving(progress) || pin || hold || timedUntil(progress, group, now) !== null) return null;
  return seconds(startedAt) + (parseDuration(settings.alertAfter) ?? 0) / 1_000;
}

type Rolling = Channel & { progress: Rollout };

const seconds = (iso: string) => Date.parse(iso) / 1000;

/** The series of a mark that has an end. */
const endOf = (channel: string, mark: { until: string | null } | null): [{ channel: string }, number][] =>
  mark?.until ? [[{ channel }, seconds(mark.until)]] : [];

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
