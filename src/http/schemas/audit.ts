import { z } from '@hono/zod-openapi';

export const AuditEntry = z
  .object({
    id: z.int(),
    at: z.string(),
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    reason: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    revision: z.int(),
    hash: z.string().openapi({ description: 'SHA-256 over the hash of the previous entry and this entry.' }),
  })
  .openapi('AuditEntry');

export const ChainState = z
  .object({
    intact: z.boolean(),
    entries: z.int(),
    head: z.string().openapi({ description: 'Hash of the newest entry.' }),
    brokenAt: z.int().nullable().openapi({
      description: 'Id of the first entry that is missing, damaged, or does not follow from the previous one.',
    }),
  })
  .openapi('ChainState');

export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().min(1).optional().openapi({ description: 'Only entries with a lower id.' }),
});
