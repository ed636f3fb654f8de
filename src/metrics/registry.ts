import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { WAITING_REASONS } from '../domain/plan.ts';
import type { Certificate } from '../listeners/certificate.ts';
import type { PollCounts } from '../listeners/poll-counts.ts';
import type { SpanCounts } from '../tracing/tracing.ts';
import { type FleetSources, watchFleet } from './fleet.ts';
import { createPage } from './page.ts';
import { watchPolls } from './polls.ts';
import { type ProgressSources, watchProgress } from './progress.ts';
import { type StateSources, watchCertificate, watchOperator, watchSpans, watchState } from './state.ts';

export type MetricsSources = StateSources & FleetSources & ProgressSources & PartSources;

interface PartSources {
  counts: () => PollCounts;
  /** Null without built-in TLS. */
  certificate: Certificate | null;
  operatorCertificate: Certificate | null;
  refusedConnections: () => number;
  /** Null if nothing is traced. */
  spans: (() => SpanCounts) | null;
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Counts events, and reads the rest at each scrape, into one registry. Labels are channels, routes, versions and codes,
 * never what a stranger sent.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  let isChannel = (_name: string) => true;
  /** Drops the series of channels that do not exist any more: in years they would add up. */
  const dropDeleted = function (this: Counter<string> | Gauge<string>) {
    // The library has no other way to the series that it keeps.
    const { hashMap } = this as unknown as { hashMap: Record<string, { labels: Record<string, string> }> };
    for (const { labels } of Object.values(hashMap)) if (!isChannel(labels.channel ?? '')) this.remove(labels);
  };
  const targetChanges = new Counter({
    name: 'fairway_target_changes_total',
    help: 'Targets changed',
    labelNames: ['channel', 'verb'],
    registers,
    collect: dropDeleted,
  });
  const targetRefusals = new Counter({
    name: 'fairway_target_refusals_total',
    help: 'Targets refused by the gate, by reason',
    labelNames: ['channel', 'reason'],
    registers,
    collect: dropDeleted,
  });
  const strandingAccepted = new Counter({
    name: 'fairway_stranding_accepted_total',
    help: 'Targets set although they strand agents',
    labelNames: ['channel'],
    registers,
    collect: dropDeleted,
  });
  const scheduledChanges = new Counter({
    name: 'fairway_scheduled_changes_total',
    help: 'Scheduled changes that were due, by what became of them',
    labelNames: ['outcome'],
    registers,
  });
  let isLeader = () => true;
  /** Drops what a former leader saw last: it is out of date. */
  const collect = function (this: Gauge<string>) {
    if (!isLeader()) this.reset();
  };
  const planWaiting = new Gauge({
    name: 'fairway_plan_waiting',
    help: 'What the next step of a plan waits for; reported by the leader',
    labelNames: ['channel', 'reason'],
    registers,
    collect,
  });
  const rolloutAgents = new Gauge({
    name: 'fairway_rollout_group_agents',
    help: 'Agents of a group: all, told, at the target, reverted, vanished and failed; reported by the leader',
    labelNames: ['channel', 'group', 'which'],
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
    contentType: registry.contentType,
    render: createPage(registry),
    observer: {
      targetChanged: (channel: string, verb: string) => targetChanges.inc({ channel, verb }),
      targetRefused(channel: string, { reasons }: { reasons: { reason: string }[] }) {
        for (const reason of new Set(reasons.map((finding) => finding.reason))) targetRefusals.inc({ channel, reason });
      },
      strandingAccepted: (channel: string) => strandingAccepted.inc({ channel }),
      scheduledChange: (outcome: string) => scheduledChanges.inc({ outcome }),
      planWaits(channel: string, reason: string | null) {
        for (const each of WAITING_REASONS) planWaiting.remove({ channel, reason: each });
        if (reason) planWaiting.set({ channel, reason }, 1);
      },
      rolloutCounted(channel: string, groups: Readonly<Record<string, Readonly<Record<string, number>>>>) {
        for (const [group, counts] of Object.entries(groups)) {
          for (const [which, agents] of Object.entries(counts)) rolloutAgents.set({ channel, group, which }, agents);
        }
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
    /** Reads these sources at each scrape from now on. */
    watch(all: MetricsSources): void {
      const sources = { ...all, channels: { list: shareList(all) } };
      isLeader = sources.leadership.isLeader;
      isChannel = (name) => sources.state.peek()?.channels.has(name) ?? true;
      watchPolls(registers, sources.counts);
      watchState(registers, sources);
      watchFleet(registers, sources);
      watchProgress(registers, sources);
      watchOperator(registers, sources.refusedConnections);
      if (sources.certificate) watchCertificate(registers, sources.certificate, 'fairway_tls_certificate');
      if (sources.operatorCertificate) {
        watchCertificate(registers, sources.operatorCertificate, 'fairway_operator_tls_certificate');
      }
      if (sources.spans) watchSpans(registers, sources.spans);
    },
  };
}

/** Milliseconds for which the gauges of a page share one list of the channels. */
const LISTED_FOR = 200;

/** To list thousands of channels as they are now takes some milliseconds, and a dozen gauges ask for it. */
function shareList({ state, channels, now }: MetricsSources): MetricsSources['channels']['list'] {
  let shared: { of: unknown; at: number; list: ReturnType<typeof channels.list> } | null = null;
  return () => {
    const [of, at] = [state.peek(), now().getTime()];
    if (shared?.of !== of || Math.abs(at - shared.at) > LISTED_FOR) shared = { of, at, list: channels.list() };
    return shared.list;
  };
}
