import { z } from '@hono/zod-openapi';
import { dryRun, reason, time } from './fields.ts';

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
    writes: z.record(z.string(), z.string().nullable()).optional().openapi({
      description: 'The documents that the change wrote: the start of the SHA-256 of each, null for a deleted one.',
    }),
    hash: z.string().openapi({ description: 'SHA-256 over the hash of the previous entry and this entry.' }),
  })
  .openapi('AuditEntry');

const HEAD = /^([1-9]\d{0,14}):([0-9a-f]{64})$/;

const head = z.string().transform((text, context) => {
  const [, id, hash] = HEAD.exec(text) ?? [];
  if (id && hash) return { id: Number(id), hash };
  context.addIssue('expected ID:HASH, as fairway audit verify prints them');
  return z.NEVER;
});

const AuditHead = z.object({ id: z.int(), hash: z.string() });

export const VerifyQuery = z.object({
  head: head.optional().openapi({ description: 'An entry that was noted before, as ID:HASH; the log must have it.' }),
});

export const ChainState = z
  .object({
    intact: z.boolean(),
    entries: z.int(),
    head: z.string().openapi({ description: 'Hash of the newest entry.' }),
    brokenAt: z.int().nullable().openapi({
      description: 'Id of the first entry that is missing, damaged, or does not follow from the previous one.',
    }),
    anchor: AuditHead.nullable().openapi({ description: 'The newest archived entry, which the log goes on from.' }),
    edited: z.array(z.object({ key: z.string(), fault: z.string() })).openapi({
      description: 'Documents that are not as the log recorded them; at most 100 are named.',
    }),
    unchecked: z.int().openapi({
      description: 'Documents whose last change was archived, or made by a release that recorded no digests.',
    }),
  })
  .openapi('ChainState');

export const ArchiveQuery = z.object({
  before: time().openapi({ description: 'Only entries that are older; the newest 100 are left out in any case.' }),
});

export const ArchiveRequest = z.strictObject({
  head: head.openapi({ description: 'The last entry of the archive, as ID:HASH.' }),
  reason,
  dryRun,
});

export const ArchiveResult = z
  .object({ entries: z.int(), anchor: AuditHead, audit: AuditEntry.nullable() })
  .openapi('ArchiveResult');

export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().min(1).optional().openapi({ description: 'Only entries with a lower id.' }),
});
