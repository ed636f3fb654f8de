import type { Context } from 'hono';

/** The fields of a form; a name that occurs more than once has a list. The first reading decides, so all are this one. */
export const readForm = (c: Context) => c.req.parseBody({ all: true });

/** The fields of a form that has each name once, without the proof of where it comes from. */
export async function readTexts(c: Context): Promise<Record<string, string>> {
  const { csrf: _, ...form } = await readForm(c);
  return Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
