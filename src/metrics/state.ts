import type { Registry } from 'prom-client';
import type { Certificate } from '../listeners/certificate.ts';
import type { Bootstrap } from '../service/bootstrap.ts';
import type { Channels } from '../service/channels.ts';
import type { Clock } from '../service/clock.ts';
import type { Leadership } from '../service/leadership.ts';
import type { State } from '../service/state.ts';
import type { SpanCounts } from '../tracing/tracing.ts';
import { counter, gauge } from './scraped.ts';

export interface StateSources {
  version: string;
  leadership: Pick<Leadership, 'isLeader'>;
  bootstrap: Pick<Bootstrap, 'state'>;
  clock: Pick<Clock, 'offset'>;
  state: Pick<State, 'peek' | 'storeState' | 'shortfall' | 'refusal' | 'refusedChanges' | 'age' | 'isWithheld'>;
  channels: Pick<Channels, 'list'>;
}

/** Series for documents that cannot be served. */
const MAX_BAD = 100;

/** The server, its store, and the state that it serves. */
export function watchState(
  registers: Registry[],
  { state, channels, leadership, bootstrap, clock, version }: StateSources,
): void {
  gauge(registers, 'fairway_build_info', 'The running version', ['version'], () => [[{ version }, 1]]);
  gauge(registers, 'fairway_leader', 'Does this server do the background work?', [], () => [
    [{}, leadership.isLeader() ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_up', 'Does the store answer, and may this server change it?', [], () => [
    [{}, state.storeState().is === 'up' ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_lost_changes', 'Does the store hold another history than the served one?', [], () => [
    [{}, state.storeState().is === 'lost' ? 1 : 0],
  ]);
  gauge(registers, 'fairway_store_writable', 'Does the store take changes?', [], () => [
    [{}, state.storeState().is === 'away' || state.refusal() !== null ? 0 : 1],
  ]);
  const refusedChanges = 'Changes that the store refused because it is away, full, read-only or lacks replicas';
  counter(registers, 'fairway_store_refused_changes_total', refusedChanges, [], () => [[{}, state.refusedChanges()]]);
  gauge(registers, 'fairway_store_replicated', 'Do enough replicas have the last change?', [], () => [
    [{}, state.shortfall() ? 0 : 1],
  ]);
  const damaged = 'A document of the store that cannot be served; its last good state is, if it is known';
  gauge(registers, 'fairway_bad_documents', damaged, ['document'], () =>
    [...(state.peek()?.bad.keys() ?? [])].slice(0, MAX_BAD).map((document) => [{ document }, 1]),
  );
  const age = 'Time since the served state was last known to agree with the store';
  gauge(registers, 'fairway_snapshot_age_seconds', age, [], () => [[{}, state.age() / 1000]]);
  const withheld = 'Is the served state so old that agents get no version?';
  gauge(registers, 'fairway_answers_withheld', withheld, [], () => [[{}, state.isWithheld() ? 1 : 0]]);
  gauge(registers, 'fairway_snapshot_revision', 'Revision of the served state', [], () => [
    [{}, state.peek()?.revision ?? 0],
  ]);
  const head = 'The newest entry of the audit log that this server serves';
  gauge(registers, 'fairway_audit_head_info', head, ['revision', 'hash'], () => {
    const snapshot = state.peek();
    return snapshot?.hash ? [[{ revision: String(snapshot.revision), hash: snapshot.hash }, 1]] : [];
  });
  const refused = 'Was what the settings name refused at the start?';
  gauge(registers, 'fairway_bootstrap_refused', refused, [], () => [[{}, bootstrap.state().is === 'refused' ? 1 : 0]]);
  const ahead = "Seconds that this server's clock is ahead of the store's, which Fairway goes by";
  gauge(registers, 'fairway_clock_offset_seconds', ahead, [], () => [[{}, clock.offset()]]);
  const labels = ['channel', 'version', 'critical', 'pinned'];
  gauge(registers, 'fairway_channel_target_info', 'The target of a channel', labels, () =>
    state.peek() === null
      ? []
      : channels.list().map(({ name, target, critical, pin }) => {
          const version = target ?? 'none';
          return [{ channel: name, version, critical: critical ? 'yes' : 'no', pinned: pin ? 'yes' : 'no' }, 1];
        }),
  );
  gauge(registers, 'fairway_channel_held', 'Is the channel held, so that no machine moves it?', ['channel'], () =>
    state.peek() === null ? [] : channels.list().map(({ name, hold }) => [{ channel: name }, hold ? 1 : 0]),
  );
}

/** The operator listener. */
export function watchOperator(registers: Registry[], refusedConnections: () => number): void {
  const refused = 'Connections that were refused because operator.maxConnections were open';
  counter(registers, 'fairway_operator_connections_refused_total', refused, [], () => [[{}, refusedConnections()]]);
}

/** The certificate of a listener; `prefix` is how its metrics begin. */
export function watchCertificate(registers: Registry[], certificate: Certificate, prefix: string): void {
  const end = 'End of the certificate that is served, in seconds since 1970';
  gauge(registers, `${prefix}_expiry_timestamp_seconds`, end, [], () => [[{}, certificate.expires() / 1000]]);
  gauge(registers, `${prefix}_current`, 'Is the certificate in the files the served one?', [], () => [
    [{}, certificate.isCurrent() ? 1 : 0],
  ]);
}

/** The spans of traces. */
export function watchSpans(registers: Registry[], spans: () => SpanCounts): void {
  counter(registers, 'fairway_trace_spans_sent_total', 'Spans accepted by the collector', [], () => [
    [{}, spans().sent],
  ]);
  counter(registers, 'fairway_trace_spans_dropped_total', 'Spans that were not sent, by reason', ['reason'], () => [
    [{ reason: 'queue_full' }, spans().queueFull],
    [{ reason: 'not_sent' }, spans().notSent],
  ]);
}
