import type { RequestListener } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { FairwayError } from '../domain/errors.ts';
import { nextTurn } from '../process/turns.ts';

/** What must be answered however busy the server is, and costs nothing. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/**
 * Lets requests begin one at a time, each in a turn of its own, so that polls are answered between two of them. This
 * comes before anything that a request costs: Node hands over all requests that have arrived together.
 */
export function oneByOne(handle: RequestListener): RequestListener {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (PROBES.has(path)) return handle(request, response);
    void nextTurn().then(() => handle(request, response));
  };
}

/** Lets at most `atOnce` requests be under way; a further one throws `rate_limited`. */
export function admit(atOnce: number): MiddlewareHandler {
  let open = 0;
  return async (c, next) => {
    if (PROBES.has(c.req.path)) return next();
    if (open >= atOnce) {
      throw new FairwayError('rate_limited', `${atOnce} requests are under way already; try again in 1 s`, {
        retryAfter: 1,
      });
    }
    open++;
    onEnd(c, () => open--);
    return next();
  };
}

/** Lets at most `atOnce` large answers be under way: each of them waits in memory until the client has read it. */
export function admitFew(atOnce: number): MiddlewareHandler {
  let open = 0;
  return async (c, next) => {
    if (open >= atOnce) {
      throw new FairwayError('rate_limited', `${atOnce} such answers are under way already; try again in 1 s`, {
        retryAfter: 1,
      });
    }
    open++;
    onEnd(c, () => open--);
    return next();
  };
}

/** Calls back when the answer is sent, or the client is gone. */
const onEnd = (c: Context, listener: () => void) => (c.env as HttpBindings).outgoing.once('close', listener);
