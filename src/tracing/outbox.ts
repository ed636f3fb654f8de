import { ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { SpanCounts } from './tracing.ts';

/** The most spans that wait to be sent; more are dropped and counted. A span takes about 1 KB. */
const MAX_WAITING = 2_048;
const BATCH = 512;
const SEND_EVERY_MS = 2_000;

/** Queues spans for a collector. While it is away, they cost the memory of `MAX_WAITING` spans and nothing else. */
export function createOutbox(exporter: SpanExporter, timeout: number, log: Logger) {
  const counts: SpanCounts = { sent: 0, queueFull: 0, notSent: 0 };
  let waiting = 0;
  let failing = false;

  function note(spans: number, error: Error | null): void {
    if (error) counts.notSent += spans;
    else counts.sent += spans;
    if (error && !failing)
      log.warn({ reason: error.message }, 'traces cannot be sent; their spans are dropped and counted');
    if (!error && failing) log.info({}, 'traces are sent again');
    failing = error !== null;
  }

  const batches = new BatchSpanProcessor({
    maxQueueSize: MAX_WAITING,
    maxExportBatchSize: BATCH,
    scheduledDelayMillis: SEND_EVERY_MS,
    exportTimeoutMillis: timeout,
    exporter: {
      export(spans, done) {
        waiting -= spans.length;
        exporter.export(spans, (result) => {
          const { code, error = new Error('the collector refused the spans') } = result;
          note(spans.length, code === ExportResultCode.SUCCESS ? null : error);
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
    },
  });

  const processor: SpanProcessor = {
    onStart: (span, parent) => batches.onStart(span, parent),
    // The processor drops spans silently when its queue is full, so the limit is checked here first.
    onEnd(span: ReadableSpan) {
      if (waiting >= MAX_WAITING) {
        counts.queueFull++;
        return;
      }
      waiting++;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
  return { processor, counts };
}
