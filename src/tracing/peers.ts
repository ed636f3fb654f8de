import type { Peers } from '../domain/peers.ts';
import type { Tracer } from '../domain/tracer.ts';
import type { Conditions } from '../peers/prometheus.ts';

/** Wraps the peers with a span for each reading. */
export function tracePeers({ read }: Peers, tracer: Tracer): Peers {
  return {
    read(url) {
      const { hostname, port, pathname, protocol } = new URL(url);
      const attributes = {
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
        'url.path': pathname,
      };
      return tracer.span('peer read', { kind: 'client', attributes }, () => read(url));
    },
  };
}

/** Wraps the conditions with a span for each check. A check that is answered from the cache is short. */
export function traceConditions({ check }: Conditions, tracer: Tracer): Conditions {
  return {
    check: (condition, how) =>
      tracer.span(
        'condition check',
        { kind: 'client', attributes: { 'fairway.condition': condition.name } },
        async (span) => {
          const gate = await check(condition, how);
          span.set({ 'fairway.passed': gate.passed });
          return gate;
        },
      ),
  };
}
