import { z } from '@hono/zod-openapi';
import { EVIDENCE_SOURCES } from '../../domain/census.ts';
import { REFUSAL_REASONS, WARNING_REASONS } from '../../domain/compatibility.ts';
import { dryRun, VersionCount, version } from './fields.ts';

export const findingOf = <const R extends readonly string[]>(reasons: R) =>
  z.object({
    reason: z.enum(reasons),
    version: z
      .string()
      .optional()
      .openapi({ description: 'The version of the agents concerned, or of a stop on the route.' }),
    count: z.int().optional().openapi({ description: 'How many agents are concerned.' }),
    detail: z.string().openapi({ description: 'What is wrong and what to do about it, in a sentence.' }),
  });

export const EvidenceSummary = z.object({
  source: z.enum(EVIDENCE_SOURCES),
  complete: z.boolean().openapi({ description: 'Does it know every enrolled agent?' }),
  fresh: z.boolean().openapi({ description: 'Old evidence can refuse a target; it never allows one.' }),
  at: z.string().nullable().openapi({ description: 'The moment that it describes.' }),
  age: z.int().nullable().openapi({ description: 'Seconds since then.' }),
  settling: z
    .object({ from: z.int(), to: z.int(), since: z.string() })
    .nullable()
    .openapi({ description: 'It fell from so many agents; both counts hold until the fall is confirmed.' }),
  failing: z
    .object({ since: z.string(), fault: z.string() })
    .nullable()
    .openapi({ description: 'It cannot be read at present.' }),
  agents: z.int(),
  skipped: z.int().openapi({ description: 'Agents of those whose version cannot be read.' }),
  oldest: VersionCount.nullable(),
});

export const Report = z
  .object({
    allowed: z.boolean().openapi({ description: 'True if there is no reason against it.' }),
    target: z.string(),
    controlPlane: z
      .string()
      .nullable()
      .openapi({ description: 'The version that the control plane runs, if it is known.' }),
    agents: z
      .int()
      .openapi({ description: 'Enrolled agents, each counted once; if sources differ, the strictest count.' }),
    oldest: VersionCount.nullable(),
    stranded: z.int().openapi({ description: 'Agents that at least one reason concerns.' }),
    reasons: z.array(findingOf(REFUSAL_REASONS)).openapi({ description: 'All reasons, not only the first.' }),
    warnings: z.array(findingOf(WARNING_REASONS)),
    evidence: z.array(EvidenceSummary),
    route: z.array(z.string()).nullable().openapi({
      description:
        'Releases that the oldest agent goes through, the target last; null if it needs none or there is no route.',
    }),
  })
  .openapi('Report');

export const Check = z.strictObject({ version, dryRun });
