import type { Logger } from 'pino';
import type { Tracer } from '../domain/tracer.ts';

/** The number of spans since the start, by outcome. */
export interface SpanCounts {
  sent: number;
  /** Dropped because the collector was too slow and the queue was full. */
  queueFull: number;
  /** Dropped because the collector could not be reached in time or refused them. */
  notSent: number;
}

export interface Tracing {
  tracer: Tracer;
  /** The log; each line has the ids of the trace and span that it was written in. */
  log: Logger;
  /** Null if tracing is off. */
  counts: (() => SpanCounts) | null;
  /** Sends the spans that wait, for at most `deadline` milliseconds. Never rejects. */
  close(deadline: number): Promise<void>;
}

export interface TracingSettings {
  /** The address of an OTLP/HTTP collector for traces; null: tracing is off. */
  endpoint: string | null;
  /** The share of traces that are kept, 0 to 1, unless the caller has decided. */
  sampleRatio: number;
  /** Milliseconds for sending one batch, retries included. */
  timeout: number;
}

export interface TracingOptions {
  settings: TracingSettings;
  version: string;
  log: Logger;
}
