import type { Context } from 'hono';
import { FairwayError } from '../domain/errors.ts';

/**
 * The fields of a form; a name that occurs more than once has a list. Hono caches the first reading, so every reader
 * uses this function. Throws `malformed`.
 */
export async function readForm(c: Context) {
  try {
    return await c.req.parseBody({ all: true });
  } catch (cause) {
    throw new FairwayError('malformed', 'the form cannot be read; reload the page and try again', { cause });
  }
}

/** The fields of a form that has each name once, without its CSRF token. */
export async function readTexts(c: Context): Promise<Record<string, string>> {
  const { csrf: _, ...form } = await readForm(c);
  return Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
