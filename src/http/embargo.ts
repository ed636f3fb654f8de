import type { Context, MiddlewareHandler } from 'hono';
import { createMask, seesEmbargoed } from '../domain/embargo.ts';
import type { Actor } from '../domain/role.ts';
import { parseVersion } from '../domain/version.ts';
import type { State } from '../service/state.ts';
import type { OperatorEnv } from './auth.ts';

/**
 * Masks versions under embargo in every answer to callers who must not know of them, wherever they occur: as a control
 * plane's version, an agent's, in a report's detail. The version that the request is about stays readable, because
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
    if (!releases || (actor && seesEmbargoed(actor)) || !hides || !c.res.body || COMPUTED.test(c.req.path)) return;
    const mask = createMask(releases, await versionsOf(c));
    if (mask) c.res = new Response(mask(await c.res.text()), c.res);
  };
}

/**
 * Answers that are made only of the releases that the caller may see. They may come to a number that is under embargo,
 * and a mask would reveal that it is.
 */
const COMPUTED = /\/releases\/(backport-plan|mint)$/;

/** Paths of one version: `/releases/VERSION` and `/versions/VERSION`, in the API and on pages. */
const VERSION_PATH = /\/(?:releases|versions)\/([^/]+)/;

/** Parameters and fields that say which version a request is about. */
const FIELDS = ['version', 'target', 'toolsVersion', 'by'] as const;

/** The versions that the request is about, in canonical form: a few, and not every version-like text in it. */
async function versionsOf(c: Context): Promise<string[]> {
  const url = new URL(c.req.url);
  const [, inPath] = VERSION_PATH.exec(url.pathname) ?? [];
  const fields = { ...oneOfEach(url.searchParams), ...(await fieldsOf(c)) };
  const named = [inPath && decoded(inPath), ...FIELDS.map((field) => fields[field])];
  return named.flatMap((text) => (typeof text === 'string' ? (parseVersion(text.trim())?.text ?? []) : []));
}

async function fieldsOf(c: Context): Promise<Record<string, unknown>> {
  if (c.req.method === 'GET') return {};
  // An inventory is read as a stream and cannot be read twice.
  const body = await c.req.text().catch(() => '');
  if (c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded')) {
    return oneOfEach(new URLSearchParams(body));
  }
  try {
    const content: unknown = JSON.parse(body);
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** One that comes twice would be several guesses in one request, so only the last counts. */
const oneOfEach = (parameters: URLSearchParams): Record<string, unknown> => Object.fromEntries(parameters);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
