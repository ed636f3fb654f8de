import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { WAITING_REASONS } from '../domain/plan.ts';
import { oldestSupportedMajor } from '../domain/support.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';
import type { Certificate } from '../listeners/certificate.ts';
import { DELAY_BOUNDS } from '../listeners/poll-delay.ts';
import type { PollCounts } from '../listeners/public.ts';
import type { Census } from '../service/census-view.ts';
import { REJECTIONS } from '../service/check-ins.ts';
import type { Fleet } from '../service/fleet.ts';
import type { Leadership } from '../service/leadership.ts';
import type { State } from '../service/state.ts';
import type { SpanCounts } from '../tracing/tracing.ts';
import { type ProgressSources, watchProgress } from './progress.ts';
import { counter, gauge, histogram } from './scraped.ts';

/** Versions of a channel that get a series of their own. */
const TOP_VERSIONS = 20;

export interface MetricsSources extends ProgressSources {
  version: string;
  leadership: Pick<Leadership, 'isLeader'>;
  state: State;
  fleet: Fleet;
  counts: () => PollCounts;
  certificate: Certificate | null;
  /** Null: nothing is traced. */
  spans: (() => SpanCounts) | null;
}

/** Counts what happens and shows what is, in one registry. Labels are channels, routes, versions and codes, never what a stranger sent. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const targetChanges = new Counter({
    name: 'fairway_target_changes_total',
    help: 'Targets changed',
    labelNames: ['channel', 'verb'],
    registers,
  });
  const targetRefusals = new Counter({
    name: 'fairway_target_refusals_total',
    help: 'Targets refused by the gate, by reason',
    labelNames: ['channel', 'reason'],
    registers,
  });
  const strandingAccepted = new Counter({
    name: 'fairway_stranding_accepted_total',
    help: 'Targets set although they strand agents',
    labelNames: ['channel'],
    registers,
  });
  let isLeader = () => true;
  /** What a former leader last saw is no news. */
  const collect = function (this: Gauge<string>) {
    if (!isLeader()) this.reset();
  };
  const planWaiting = new Gauge({
    name: 'fairway_plan_waiting',
    help: 'What the next step of a plan waits for; told by the leader',
    labelNames: ['channel', 'reason'],
    registers,
    collect,
  });
  const sourceUp = new Gauge({
    name: 'fairway_source_up',
    help: 'Did the source answer when the leader last read it?',
    labelNames: ['source', 'name'],
    registers,
    collect,
  });
  const sourceFailures = new Counter({
    name: 'fairway_source_failures_total',
    help: 'Readings of a source that failed, by reason',
    labelNames: ['source', 'name', 'reason'],
    registers,
  });
  const requests = new Histogram({
    name: 'fairway_operator_request_duration_seconds',
    help: 'Duration of operator requests',
    labelNames: ['route', 'method', 'code'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 5],
    registers,
  });

  return {
    registry,
    observer: {
      targetChanged: (channel: string, verb: string) => targetChanges.inc({ channel, verb }),
      targetRefused(channel: string, { reasons }: { reasons: { reason: string }[] }) {
        for (const reason of new Set(reasons.map((finding) => finding.reason))) targetRefusals.inc({ channel, reason });
      },
      strandingAccepted: (channel: string) => strandingAccepted.inc({ channel }),
      planWaits(channel: string, reason: string | null) {
        for (const each of WAITING_REASONS) planWaiting.remove({ channel, reason: each });
        if (reason) planWaiting.set({ channel, reason }, 1);
      },
      sourceRead: (source: string, name: string) => sourceUp.set({ source, name }, 1),
      sourceFailed(source: string, name: string, reason: string) {
        sourceUp.set({ source, name }, 0);
        sourceFailures.inc({ source, name, reason });
      },
    },
    observeRequest(route: string, method: string, code: number, seconds: number) {
      requests.observe({ route, method, code: String(code) }, seconds);
    },
    /** Reads the rest when Prometheus asks. */
    watch(sources: MetricsSources): void {
      isLeader = sources.leadership.isLeader;
      watchPolls(registers, sources);
      watchState(registers, sources);
      watchFleet(registers, sources);
      watchProgress(registers, sources);
      if (sources.certificate) watchCertificate(registers, sources.certificate);
      if (sources.spans) watchSpans(registers, sources.spans);
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

function watchPolls(registers: Registry[], { counts }: MetricsSources): void {
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
  const left = 'Connections left to node:http because of a request that was no plain poll';
  counter(registers, 'fairway_fast_lane_handed_over_total', left, [], () => [[{}, counts().fastLane.handedOver]]);
  histogram(registers, 'fairway_poll_delay_seconds', 'How long a poll waits to be answered, sampled over time', () => {
    const { buckets, samples, microseconds } = counts().delays;
    const bounds = DELAY_BOUNDS.map((bound) => ({ bound, samples: buckets[bound] }));
    return { buckets: bounds, count: samples, sum: microseconds / 1e6 };
  });
  counter(registers, 'fairway_checkins_total', 'Check-ins taken note of', [], () => [[{}, counts().checkIns.received]]);
  counter(registers, 'fairway_checkins_unenrolled_total', 'Check-ins without a valid enrolment token', [], () => [
    [{}, counts().checkIns.unenrolled],
  ]);
  counter(registers, 'fairway_checkins_refused_total', 'Check-ins refused by the limits of the store', [], () => [
    [{}, counts().checkIns.refused],
  ]);
  counter(
    registers,
    'fairway_checkins_rejected_total',
    'Check-in values ignored because they are malformed',
    ['reason'],
    () => REJECTIONS.map((reason) => [{ reason }, counts().checkIns.rejected[reason]]),
  );
  counter(
    registers,
    'fairway_checkins_dropped_total',
    'Check-ins dropped because too many waited to be written',
    [],
    () => [[{}, counts().checkIns.dropped]],
  );
}

function watchState(registers: Registry[], { state, channels, leadership, version }: MetricsSources): void {
  gauge(registers, 'fairway_build_info', 'The running version', ['version'], () => [[{ version }, 1]]);
  gauge(registers, 'fairway_leader', 'Does this server do the background work?', [], () => [
    [{}, leadership.isLeader() ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_up', 'Does the store answer?', [], () => [
    [{}, state.storeState().is === 'up' ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_lost_changes', 'Is the store of another history than is served?', [], () => [
    [{}, state.storeState().is === 'lost' ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_replicated', 'Do as many replicas as wanted have the last change?', [], () => [
    [{}, state.shortfall() ? 0 : 1],
  ]);
  gauge(
    registers,
    'fairway_snapshot_age_seconds',
    'Time since the served state was last known to be the store’s',
    [],
    () => [[{}, state.age() / 1000]],
  );
  gauge(registers, 'fairway_snapshot_revision', 'Revision of the served state', [], () => [
    [{}, state.peek()?.revision ?? 0],
  ]);
  gauge(
    registers,
    'fairway_channel_target_info',
    'What a channel serves',
    ['channel', 'version', 'critical', 'pinned'],
    () =>
      state.peek() === null
        ? []
        : channels.list().map(({ name, target, critical, pin }) => [
            {
              channel: name,
              version: target ?? 'none',
              critical: critical ? 'yes' : 'no',
              pinned: pin ? 'yes' : 'no',
            },
            1,
          ]),
  );
}

function watchCertificate(registers: Registry[], certificate: Certificate): void {
  const ends = 'End of the certificate that agents are served, in seconds since 1970';
  gauge(registers, 'fairway_tls_certificate_expiry_timestamp_seconds', ends, [], () => [
    [{}, certificate.expires() / 1000],
  ]);
  gauge(registers, 'fairway_tls_certificate_current', 'Is the certificate in the files the served one?', [], () => [
    [{}, certificate.isCurrent() ? 1 : 0],
  ]);
}

function watchFleet(registers: Registry[], { state, fleet }: MetricsSources): void {
  // All gauges of one scrape share one census; while the store is away there is none to show.
  let censuses: Promise<Census[]> | null = null;
  const read = () => {
    censuses ??= fleet.censuses().catch(() => []);
    setImmediate(() => {
      censuses = null;
    });
    return censuses;
  };
  gauge(registers, 'fairway_channel_agents', 'Enrolled agents by version', ['channel', 'version'], async () =>
    (await read()).flatMap(topVersions),
  );
  gauge(registers, 'fairway_channel_oldest_agent_info', 'The oldest enrolled agent', ['channel', 'version'], async () =>
    (await read()).flatMap(({ channel, oldest }) => (oldest ? [[{ channel, version: oldest.version }, 1]] : [])),
  );
  gauge(
    registers,
    'fairway_evidence_age_seconds',
    'Time since a source was gathered, or since the last check-in',
    ['channel', 'source'],
    async () =>
      (await read()).flatMap(({ channel, sources }) =>
        sources.flatMap(({ source, age }): [{ channel: string; source: string }, number][] =>
          age === null ? [] : [[{ channel, source }, age]],
        ),
      ),
  );
  gauge(registers, 'fairway_evidence_fresh', 'Is a source of agents still evidence?', ['channel', 'source'], async () =>
    (await read()).flatMap(({ channel, sources }) =>
      sources.map(({ source, fresh }): [{ channel: string; source: string }, number] => [
        { channel, source },
        fresh ? 1 : 0,
      ]),
    ),
  );
  gauge(
    registers,
    'fairway_channel_unenrolled_agents',
    'Agents that check in without an enrolment token',
    ['channel'],
    async () => (await read()).map(({ channel, unenrolled }) => [{ channel }, unenrolled]),
  );
  gauge(
    registers,
    'fairway_channel_converged_ratio',
    'Share of the agents that run the target',
    ['channel'],
    async () =>
      (await read()).flatMap((census) => {
        const target = state.peek()?.channels.get(census.channel)?.target;
        const there = census.versions.find(({ version }) => version === target)?.count ?? 0;
        return census.agents === 0 ? [] : [[{ channel: census.channel }, there / census.agents]];
      }),
  );
  gauge(
    registers,
    'fairway_channel_agents_out_of_support',
    'Enrolled agents below the support window',
    ['channel'],
    async () => {
      const oldest = oldestSupportedMajor(state.peek()?.releases ?? new Map());
      if (oldest === null) return [];
      return (await read()).map(({ channel, versions }) => {
        const below = versions.filter(({ version }) => requireVersion(version).major < oldest);
        return [{ channel }, below.reduce((sum, { count }) => sum + count, 0)];
      });
    },
  );
}

function watchSpans(registers: Registry[], spans: () => SpanCounts): void {
  counter(registers, 'fairway_trace_spans_sent_total', 'Spans that the collector took', [], () => [[{}, spans().sent]]);
  counter(registers, 'fairway_trace_spans_dropped_total', 'Spans that were not sent, by reason', ['reason'], () => [
    [{ reason: 'queue_full' }, spans().queueFull],
    [{ reason: 'not_sent' }, spans().notSent],
  ]);
}

function topVersions(census: Census): [{ channel: string; version: string }, number][] {
  const { channel } = census;
  const byCount = [...census.versions].sort((a, b) => b.count - a.count || compareVersions(b.version, a.version));
  const rest = byCount.slice(TOP_VERSIONS).reduce((sum, { count }) => sum + count, 0);
  const top = byCount
    .slice(0, TOP_VERSIONS)
    .map(({ version, count }): [{ channel: string; version: string }, number] => [{ channel, version }, count]);
  return rest > 0 ? [...top, [{ channel, version: 'other' }, rest]] : top;
}
