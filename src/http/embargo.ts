import type { Context, MiddlewareHandler } from 'hono';
import { createMask, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import type { State } from '../service/state.ts';
import type { OperatorEnv } from './auth.ts';

/**
 * Takes versions under embargo out of every answer to those who must not learn of them, wherever they come from: a
 * control plane's version, an agent's, a report's detail. What the request itself names is left as it is, since an
 * answer that hides it would tell that it is under embargo.
 */
export function hideEmbargoed(state: Pick<State, 'peek'>): MiddlewareHandler<OperatorEnv> {
  return async (c, next) => {
    await next();
    const releases = state.peek()?.releases;
    const type = c.res.headers.get('content-type') ?? '';
    // Pictures hold no version; events tell revisions only, and do not end.
    const hides = /json|yaml|text/.test(type) && !type.startsWith('text/event-stream');
    const actor = c.get('actor') as Actor | undefined;
    if (!releases || (actor && seesEmbargoed(actor)) || !hides || !c.res.body) return;
    const mask = createMask(releases, await wordsOf(c));
    if (mask) c.res = new Response(mask(await c.res.text()), c.res);
  };
}

async function wordsOf(c: Context): Promise<string> {
  // An inventory is read as a stream, and cannot be read again.
  const body = c.req.method === 'GET' ? '' : await c.req.text().catch(() => '');
  return `${readable(c.req.url)} ${body}`;
}

function readable(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}
