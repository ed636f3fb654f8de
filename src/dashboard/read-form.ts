import type { Context } from 'hono';
import { FairwayError } from '../domain/errors.ts';

/**
 * The fields of a form; a name that occurs more than once has a list. The first reading decides, so all are this one.
 * Throws `malformed`.
 */
export async function readForm(c: Context) {
  try {
    return await c.req.parseBody({ all: true });
  } catch (cause) {
    throw new FairwayError('malformed', 'the form cannot be read; open the page again, then repeat', { cause });
  }
}

/** The fields of a form that has each name once, without the proof of where it comes from. */
export async function readTexts(c: Context): Promise<Record<string, string>> {
  const { csrf: _, ...form } = await readForm(c);
  return Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
