import { untraced } from '../domain/tracer.ts';
import { failureOf } from './failure.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

/** Opens tracing. OpenTelemetry is loaded only if an endpoint is set. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint } = options.settings;
  if (endpoint === null) return { tracer: untraced, log: options.log, counts: null, close: async () => {} };
  const { openOtlp } = await import('./otlp.ts');
  return openOtlp({ ...options, endpoint, failureOf });
}
