import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  defaultTextMapGetter,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { NO_SPAN, type Span, type SpanOptions, type TraceOptions, type Tracer } from '../domain/tracer.ts';

/** The span that the current code runs in. */
interface Place {
  context: Context;
  /** Does it contain another span? */
  used: boolean;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT };

/**
 * Makes a tracer whose spans go to `otel`, and `ids`, which returns the ids of the current span for log lines.
 * `failureOf` is an argument because this bundle has its own copies of the error classes, not those that are thrown.
 */
export function createTracer(otel: OtelTracer, failureOf: (error: unknown) => string) {
  const places = new AsyncLocalStorage<Place>();
  const w3c = new W3CTraceContextPropagator();

  async function run<T>(
    name: string,
    { kind, attributes = {}, unlessIdle }: TraceOptions,
    parent: Context,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const span = otel.startSpan(name, { kind: kind ? KINDS[kind] : SpanKind.INTERNAL }, parent);
    const place: Place = { context: trace.setSpan(parent, span), used: false };
    const view = viewOf(span);
    view.set(attributes);
    let failed = false;
    try {
      return await places.run(place, () => work(view));
    } catch (error) {
      failed = true;
      view.fail(failureOf(error));
      throw error;
    } finally {
      // A span that does not end is never sent. Ending it runs code that must not be traced itself.
      if (place.used || failed || !unlessIdle) places.exit(() => span.end());
    }
  }

  const tracer: Tracer = {
    trace(name, options, work) {
      const caller = w3c.extract(ROOT_CONTEXT, options.caller ?? {}, defaultTextMapGetter);
      return run(name, options, caller, work);
    },
    span(name, options: SpanOptions, work) {
      const place = places.getStore();
      if (!place) return work(NO_SPAN);
      place.used = true;
      return run(name, options, place.context, work);
    },
  };
  return {
    tracer,
    ids(): { trace_id?: string; span_id?: string } {
      const place = places.getStore();
      const ids = place && trace.getSpanContext(place.context);
      return ids ? { trace_id: ids.traceId, span_id: ids.spanId } : {};
    },
  };
}

const viewOf = (span: OtelSpan): Span => ({
  rename: (name) => void span.updateName(name),
  set(attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) span.setAttribute(name, typeof value === 'object' ? [...value] : value);
    }
  },
  fail: (type) => void span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR }),
});
