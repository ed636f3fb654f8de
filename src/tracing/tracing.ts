import type { Logger } from 'pino';
import type { Tracer } from '../domain/tracer.ts';

/** Spans since the start, by what became of them. */
export interface SpanCounts {
  sent: number;
  /** The collector was too slow for all that waited. */
  queueFull: number;
  /** The collector could not be reached in time, or refused them. */
  notSent: number;
}

export interface Tracing {
  tracer: Tracer;
  /** The log, whose lines tell the trace that they were written in. */
  log: Logger;
  /** Null: nothing is traced. */
  counts: (() => SpanCounts) | null;
  /** Sends what waits, for so many milliseconds at most. Never rejects. */
  close(deadline: number): Promise<void>;
}

export interface TracingSettings {
  /** Where an OTLP/HTTP collector takes traces; null: nothing is traced. */
  endpoint: string | null;
  /** The share of traces that are kept, 0 to 1, where the caller has not decided. */
  sampleRatio: number;
  /** Milliseconds for sending one batch, tries again included. */
  timeout: number;
}

export interface TracingOptions {
  settings: TracingSettings;
  version: string;
  log: Logger;
}
