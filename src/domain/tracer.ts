/** Never a secret, nor text that a stranger chose. What is undefined is left out. */
export type SpanAttributes = Record<string, string | number | boolean | readonly string[] | undefined>;

/** A piece of work in a trace. */
export interface Span {
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed; `type` is a short code. What rejects is marked without this. */
  fail(type: string): void;
}

export interface SpanOptions {
  /** `server` answers a caller, `client` waits for another program; by default neither. */
  kind?: 'server' | 'client';
  attributes?: SpanAttributes;
}

export interface TraceOptions extends SpanOptions {
  /** The headers of a caller whose trace is continued (W3C Trace Context). */
  caller?: { traceparent: string | undefined; tracestate: string | undefined };
  /** Leave nothing of it if no other span came to be in it, and it did not fail. */
  unlessIdle?: boolean;
}

/** Tells what was done within what, and for how long. */
export interface Tracer {
  /** Runs `work` as the first span of a trace. */
  trace<T>(name: string, options: TraceOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Runs `work` as a span of the trace that this is called in; outside of one it just runs. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
}

/** The span of what is not traced. */
export const NO_SPAN: Span = { rename() {}, set() {}, fail() {} };

export const untraced: Tracer = {
  trace: (_name, _options, work) => work(NO_SPAN),
  span: (_name, _options, work) => work(NO_SPAN),
};
