import { z } from '@hono/zod-openapi';
import { EVIDENCE_SOURCES } from '../../domain/census.ts';
import { REFUSAL_REASONS, WARNING_REASONS } from '../../domain/compatibility.ts';
import { dryRun, VersionCount, version } from './fields.ts';

export const findingOf = <const R extends readonly string[]>(reasons: R) =>
  z.object({
    reason: z.enum(reasons),
    version: z.string().optional().openapi({ description: 'Of the agents concerned, or of the stop on the way.' }),
    count: z.int().optional().openapi({ description: 'Of the agents concerned.' }),
    detail: z.string().openapi({ description: 'What is wrong and what to do about it, for people.' }),
  });

export const EvidenceSummary = z.object({
  source: z.enum(EVIDENCE_SOURCES),
  complete: z.boolean().openapi({ description: 'Does it know every enrolled agent?' }),
  fresh: z.boolean().openapi({ description: 'Stale evidence decides nothing.' }),
  agents: z.int(),
  oldest: VersionCount.nullable(),
  age: z.int().nullable().openapi({ description: 'Seconds since it was gathered.' }),
});

export const Report = z
  .object({
    allowed: z.boolean().openapi({ description: 'True where there is no reason against it.' }),
    target: z.string(),
    controlPlane: z.string().nullable().openapi({ description: 'The version that it runs, where that is known.' }),
    agents: z.int().openapi({ description: 'Enrolled, nobody counted twice; where sources differ, the strictest.' }),
    oldest: VersionCount.nullable(),
    stranded: z.int().openapi({ description: 'Agents for which a reason holds.' }),
    reasons: z.array(findingOf(REFUSAL_REASONS)).openapi({ description: 'All that there are, not the first.' }),
    warnings: z.array(findingOf(WARNING_REASONS)),
    evidence: z.array(EvidenceSummary),
    route: z.array(z.string()).nullable().openapi({
      description:
        'Releases that the oldest agent has to go through, the target last; null without need or without a way.',
    }),
  })
  .openapi('Report');

export const Check = z.strictObject({ version, dryRun });
