/** Attributes never contain a secret or text from an unauthenticated caller. Undefined values are left out. */
export type SpanAttributes = Record<string, string | number | boolean | readonly string[] | undefined>;

/** A piece of work in a trace. */
export interface Span {
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed; `type` is a short code. A span whose work rejects is marked anyway. */
  fail(type: string): void;
}

export interface SpanOptions {
  /** `server` answers a caller, `client` waits for another program. The default is neither. */
  kind?: 'server' | 'client';
  attributes?: SpanAttributes;
}

export interface TraceOptions extends SpanOptions {
  /** The headers of a caller whose trace is continued (W3C Trace Context). */
  caller?: { traceparent: string | undefined; tracestate: string | undefined };
  /** Drops the span if it did not fail and contains no other span. */
  unlessIdle?: boolean;
}

/** Records which work ran as part of which, and for how long. */
export interface Tracer {
  /** Runs `work` as the first span of a trace. */
  trace<T>(name: string, options: TraceOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Runs `work` as a span of the current trace. Without one, the work runs untraced. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
}

/** The span of untraced work. */
export const NO_SPAN: Span = { rename() {}, set() {}, fail() {} };

export const untraced: Tracer = {
  trace: (_name, _options, work) => work(NO_SPAN),
  span: (_name, _options, work) => work(NO_SPAN),
};
