import type { MiddlewareHandler } from 'hono';
import { describeShortfall } from '../domain/replication.ts';
import type { State } from '../service/state.ts';

/** The header that warns about a change that was made. */
export const WARNING_HEADER = 'Fairway-Warning';

/** Answers 202 with a warning instead of 200, 201 or 204 if the change is stored but a failover may still lose it. */
export function warnOfShortfall(state: Pick<State, 'shortfall'>): MiddlewareHandler {
  return async (c, next) => {
    const before = state.shortfall();
    await next();
    const shortfall = state.shortfall();
    if (!shortfall || shortfall === before || c.req.method === 'GET' || !c.res.ok) return;
    c.res = new Response(await c.res.text(), { status: 202, headers: c.res.headers });
    c.res.headers.set(WARNING_HEADER, describeShortfall(shortfall));
  };
}
