import type { Tracer } from '../domain/tracer.ts';
import type { Gate } from '../service/gate.ts';

/** Wraps the gate with a span for each assessment. */
export function traceGate(gate: Gate, tracer: Tracer): Gate {
  return {
    ...gate,
    assess(channel, target, view) {
      const attributes = { 'fairway.channel': channel.name, 'fairway.target': target.text };
      return tracer.span('gate assess', { attributes }, async (span) => {
        const report = await gate.assess(channel, target, view);
        span.set({
          'fairway.allowed': report.allowed,
          'fairway.agents': report.agents,
          'fairway.stranded': report.stranded,
          'fairway.reasons': [...new Set(report.reasons.map(({ reason }) => reason))],
        });
        return report;
      });
    },
  };
}
