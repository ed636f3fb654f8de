import { z } from '@hono/zod-openapi';
import { STAGE_STATES } from '../../domain/promotion.ts';
import { said, signature } from './fields.ts';

const since = z.string().nullable();
const pulled = z.object(said).nullable();
export const Change = z
  .object({
    pr: z.int(),
    title: z.string(),
    author: z.string().nullable(),
    significant: z.boolean(),
    releases: z
      .array(
        z.object({
          version: z.string(),
          cutAt: z.string().nullable(),
          signedOff: z.object(signature).nullable(),
          pulled,
        }),
      )
      .openapi({ description: 'The releases that list the change, newest first.' }),
    containedIn: z
      .object({ releases: z.int(), newest: z.string() })
      .openapi({ description: 'Those releases, and all that were built on them.' }),
    stages: z.array(
      z.object({ stage: z.string(), state: z.enum(STAGE_STATES), release: z.string().nullable(), since }),
    ),
    channels: z
      .object({
        total: z.int(),
        first: z.array(z.object({ channel: z.string(), target: z.string(), since })),
      })
      .openapi({ description: 'Channels that serve it now; the first ten by name.' }),
    tenants: z
      .object({
        total: z.int(),
        of: z.int(),
        first: z.array(z.object({ controlPlane: z.string(), version: z.string(), since })),
      })
      .openapi({ description: 'Control planes that run it now; the first ten by name.' }),
    next: z.string(),
  })
  .openapi('Change');
