import type { Report } from '../domain/compatibility.ts';
import type { Tracer } from '../domain/tracer.ts';
import type { Gate } from '../service/gate.ts';

/** Wraps the gate with a span for each assessment, also where it is made for a change. */
export function traceGate(gate: Gate, tracer: Tracer): Gate {
  return {
    ...gate,
    assess(channel, target, view) {
      const attributes = { 'fairway.channel': channel.name, 'fairway.target': target.text };
      return tracer.span('gate assess', { attributes }, async (span) => {
        const report = await gate.assess(channel, target, view);
        span.set(verdictOf(report));
        return report;
      });
    },
    clear(before, after, request, view) {
      const stays = before !== null && before.target === after.target && before.controlPlane === after.controlPlane;
      if (stays) return gate.clear(before, after, request, view);
      const attributes = { 'fairway.channel': after.name, 'fairway.target': after.target ?? undefined };
      return tracer.span('gate assess', { attributes }, async (span) => {
        const verdict = await gate.clear(before, after, request, view);
        if (verdict.report) span.set(verdictOf(verdict.report));
        return verdict;
      });
    },
  };
}

const verdictOf = ({ allowed, agents, stranded, reasons }: Report) => ({
  'fairway.allowed': allowed,
  'fairway.agents': agents,
  'fairway.stranded': stranded,
  'fairway.reasons': [...new Set(reasons.map(({ reason }) => reason))],
});
