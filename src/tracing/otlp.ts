import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { createOutbox } from './outbox.ts';
import { createTracer } from './tracer.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

export interface OtlpOptions extends TracingOptions {
  endpoint: string;
  failureOf: (error: unknown) => string;
}

/** Characters. Names of channels have up to 128. */
const MAX_ATTRIBUTE = 256;
const MAX_ATTRIBUTES = 32;
/** One batch, and the batches that a full outbox makes when the server stops. */
const SENDING_AT_ONCE = 8;

/**
 * Sends traces to an OTLP/HTTP collector as JSON. OpenTelemetry itself reads OTEL_SERVICE_NAME,
 * OTEL_RESOURCE_ATTRIBUTES and the OTEL_EXPORTER_OTLP_* variables for headers, certificates and compression.
 */
export function openOtlp({ endpoint, settings, version, failureOf, log }: OtlpOptions): Tracing {
  const { sampleRatio, timeout } = settings;
  const named = resourceFromAttributes({ 'service.name': 'fairway', 'service.version': version });
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: timeout, concurrencyLimit: SENDING_AT_ONCE });
  const outbox = createOutbox(exporter, timeout, log);
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(named)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [outbox.processor],
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE, attributeCountLimit: MAX_ATTRIBUTES },
  });
  const { tracer, ids } = createTracer(provider.getTracer('fairway', version), failureOf);
  return {
    tracer,
    log: log.child({}, { formatters: { log: (line) => ({ ...ids(), ...line }) } }),
    counts: () => outbox.counts,
    async close(deadline) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadline);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}
