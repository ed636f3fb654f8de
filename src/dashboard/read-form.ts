import type { Context } from 'hono';

/** The fields of a form; a name that occurs more than once has a list. The first reading decides, so all are this one. */
export const readForm = (c: Context) => c.req.parseBody({ all: true });
