import { z } from '@hono/zod-openapi';

/** Items of one answer: more would keep polls waiting while they are written. */
const MOST = 1_000;

const next = z.string().nullable().openapi({ description: 'The `after` of the next page; null for the last one.' });

/** The part of a list that is asked for. A larger limit than 1,000 counts as 1,000. */
export const listQuery = {
  after: z.string().max(200).optional().openapi({ description: 'The `next` of the page before.' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(MOST)
    .transform((limit) => Math.min(limit, MOST))
    .openapi({ description: 'At most 1,000 are answered.' }),
};
export const ListQuery = z.object(listQuery);

/** A page of a list, under `name`. */
export const pageOf = <N extends string, S extends z.ZodType>(name: N, item: S) =>
  z.object({ [name]: z.array(item), next } as { [K in N]: z.ZodArray<S> } & { next: typeof next });
