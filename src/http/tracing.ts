import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Tracer } from '../domain/tracer.ts';
import type { OperatorEnv } from './auth.ts';

/** Machines request these every few seconds, and their traces would hide the others. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Starts a trace for each request, or continues the caller's. A span is named after the route, never after the path,
 * because anyone can choose a path.
 */
export function traceRequests(tracer: Tracer): MiddlewareHandler<OperatorEnv> {
  return (c, next) => {
    if (PROBES.has(c.req.path)) return next();
    const { method } = c.req;
    const caller = { traceparent: c.req.header('traceparent'), tracestate: c.req.header('tracestate') };
    const attributes = { 'http.request.method': method };
    return tracer.trace(method, { kind: 'server', caller, attributes }, async (span) => {
      await next();
      const [route, { status }] = [routePath(c), c.res];
      span.rename(`${method} ${route}`);
      const actor = c.get('actor')?.name;
      span.set({ 'http.route': route, 'http.response.status_code': status, 'fairway.actor': actor });
      if (status >= 500) span.fail(String(status));
    });
  };
}
