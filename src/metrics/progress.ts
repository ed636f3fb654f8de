import type { Registry } from 'prom-client';
import { stepSince } from '../domain/plan.ts';
import { progressOf, runningStage, type Stage, soakedAt } from '../domain/promotion.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { compareVersions } from '../domain/version.ts';
import type { Channels } from '../service/channels.ts';
import type { State } from '../service/state.ts';
import { gauge } from './scraped.ts';

export interface ProgressSources {
  state: Pick<State, 'peek'>;
  channels: Pick<Channels, 'list'>;
  stages: readonly Stage[];
}

/** Promotions that get a series of their own. */
const NEWEST_PROMOTIONS = 20;

/** Since when things are as they are, so that an alert can tell which have been left so. Every server tells the same. */
export function watchProgress(registers: Registry[], { state, channels, stages }: ProgressSources): void {
  const all = () => (state.peek() === null ? [] : channels.list());
  gauge(
    registers,
    'fairway_channel_critical_timestamp_seconds',
    'When a channel that is critical was marked so',
    ['channel'],
    () => all().flatMap(({ name, critical }) => (critical ? [[{ channel: name }, seconds(critical.at)]] : [])),
  );
  gauge(
    registers,
    'fairway_channel_pin_timestamp_seconds',
    'When a channel that is pinned was pinned',
    ['channel'],
    () => all().flatMap(({ name, pin }) => (pin ? [[{ channel: name }, seconds(pin.at)]] : [])),
  );
  gauge(
    registers,
    'fairway_plan_step_timestamp_seconds',
    'When a plan came to the step that it is at',
    ['channel'],
    () =>
      all().flatMap((channel) => {
        const since = stepSince(channel);
        return since === null ? [] : [[{ channel: channel.name }, seconds(since)]];
      }),
  );
  gauge(
    registers,
    'fairway_promotion_stage_timestamp_seconds',
    'When the stage that a release is at came into its state; the newest releases that still go on',
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
    'When the stage that a release soaks in is complete',
    ['version', 'stage'],
    () =>
      newestRunning(state.peek(), stages).flatMap(({ promotion, stage, progress }) =>
        progress.state === 'soaking'
          ? [[{ version: promotion.version, stage: stage.name }, soakedAt(stage, progress).getTime() / 1000]]
          : [],
      ),
  );
}

const seconds = (iso: string) => Date.parse(iso) / 1000;

function newestRunning(snapshot: Snapshot | null, stages: readonly Stage[]) {
  if (snapshot === null) return [];
  const running = [...snapshot.promotions.values()].flatMap((promotion) => {
    const release = snapshot.releases.get(promotion.version);
    const stage = release ? runningStage(promotion, release, stages) : null;
    return stage ? [{ promotion, stage, progress: progressOf(promotion, stage.name) }] : [];
  });
  const newestFirst = running.sort((a, b) => compareVersions(b.promotion.version, a.promotion.version));
  return newestFirst.slice(0, NEWEST_PROMOTIONS);
}
