import type { MiddlewareHandler } from 'hono';
import { FairwayError } from '../domain/errors.ts';

/** What must be answered however busy the server is, and costs nothing. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/**
 * Lets at most `atOnce` requests be under way; a further one throws `rate_limited`. They begin one at a time (`turn`), so
 * that polls are answered between two of them, however many come together.
 */
export function admit(atOnce: number, turn: () => Promise<void>): MiddlewareHandler {
  let open = 0;
  return async (c, next) => {
    if (PROBES.has(c.req.path)) return next();
    if (open >= atOnce) {
      throw new FairwayError('rate_limited', `${atOnce} requests are under way already; try again in 1 s`, {
        retryAfter: 1,
      });
    }
    open++;
    try {
      await turn();
      await next();
    } finally {
      open--;
    }
  };
}
