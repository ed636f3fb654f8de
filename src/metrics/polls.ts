import type { Registry } from 'prom-client';
import type { PollCounts } from '../listeners/poll-counts.ts';
import { DELAY_BOUNDS } from '../listeners/poll-delay.ts';
import { REJECTIONS } from '../service/check-ins.ts';
import { counter, histogram } from './scraped.ts';

/** What the public listener answered, and the check-ins that came with the polls. */
export function watchPolls(registers: Registry[], counts: () => PollCounts): void {
  counter(registers, 'fairway_polls_total', 'Polls answered', ['channel', 'endpoint', 'code'], function* () {
    const { tallies, polls } = counts();
    for (const { channel, endpoint, ok, notModified } of tallies) {
      yield [{ channel, endpoint, code: '200' }, ok];
      if (notModified > 0) yield [{ channel, endpoint, code: '304' }, notModified];
    }
    const unknown = { channel: 'unknown', endpoint: 'unknown' };
    yield [{ ...unknown, code: '404' }, polls.notFound];
    yield [{ ...unknown, code: '405' }, polls.methodNotAllowed];
    yield [{ ...unknown, code: '503' }, polls.unavailable];
  });
  counter(registers, 'fairway_fast_lane_polls_total', 'Polls answered before node:http saw them', [], () => [
    [{}, counts().fastLane.answered],
  ]);
  const left = 'Connections handed over to node:http because of a request that was not a plain poll';
  counter(registers, 'fairway_fast_lane_handed_over_total', left, [], () => [[{}, counts().fastLane.handedOver]]);
  histogram(registers, 'fairway_poll_delay_seconds', 'Time that a poll waits for its answer, sampled', () => {
    const { buckets, samples, microseconds } = counts().delays;
    const bounds = DELAY_BOUNDS.map((bound) => ({ bound, samples: buckets[bound] }));
    return { buckets: bounds, count: samples, sum: microseconds / 1e6 };
  });
  watchCheckIns(registers, () => counts().checkIns);
}

function watchCheckIns(registers: Registry[], counts: () => PollCounts['checkIns']): void {
  counter(registers, 'fairway_checkins_total', 'Check-ins accepted', [], () => [[{}, counts().received]]);
  counter(registers, 'fairway_checkins_unenrolled_total', 'Check-ins without a valid enrolment token', [], () => [
    [{}, counts().unenrolled],
  ]);
  counter(registers, 'fairway_checkins_refused_total', 'Check-ins refused by the limits of the store', [], () => [
    [{}, counts().refused],
  ]);
  const ignored = 'Check-in values ignored because they are malformed';
  counter(registers, 'fairway_checkins_rejected_total', ignored, ['reason'], () =>
    REJECTIONS.map((reason) => [{ reason }, counts().rejected[reason]]),
  );
  const dropped = 'Check-ins dropped because too many were waiting to be written';
  counter(registers, 'fairway_checkins_dropped_total', dropped, [], () => [[{}, counts().dropped]]);
}
