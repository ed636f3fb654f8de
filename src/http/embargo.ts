import type { Context, MiddlewareHandler } from 'hono';
import { createMask, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import type { State } from '../service/state.ts';
import type { OperatorEnv } from './auth.ts';

/**
 * Masks versions under embargo in every answer to callers who must not know of them, wherever they occur: as a control
 * plane's version, an agent's, in a report's detail. A version that the request itself names stays readable, because
 * masking it would reveal that it is under embargo.
 */
export function hideEmbargoed(state: Pick<State, 'peek'>): MiddlewareHandler<OperatorEnv> {
  return async (c, next) => {
    await next();
    const releases = state.peek()?.releases;
    const type = c.res.headers.get('content-type') ?? '';
    // Images contain no version; events contain only revisions, and never end.
    const hides = /json|yaml|text/.test(type) && !type.startsWith('text/event-stream');
    const actor = c.get('actor') as Actor | undefined;
    if (!releases || (actor && seesEmbargoed(actor)) || !hides || !c.res.body) return;
    const mask = createMask(releases, await wordsOf(c));
    if (mask) c.res = new Response(mask(await c.res.text()), c.res);
  };
}

async function wordsOf(c: Context): Promise<string> {
  // An inventory is read as a stream and cannot be read twice.
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
