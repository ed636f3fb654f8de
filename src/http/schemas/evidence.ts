import { z } from '@hono/zod-openapi';
import { EVIDENCE_SOURCES } from '../../domain/census.ts';
import { dryRun, reason, VersionCount } from './fields.ts';
import { EvidenceSummary } from './report.ts';

export const ChannelEvidence = z
  .object({
    channel: z.string(),
    complete: z.boolean().openapi({ description: 'Does a fresh source know all agents?' }),
    sources: z.array(EvidenceSummary.extend({ versions: z.array(VersionCount) })),
  })
  .openapi('ChannelEvidence');

export const EvidenceResult = z
  .object({
    channel: z.string(),
    source: z.enum(EVIDENCE_SOURCES),
    before: z.int().openapi({ description: 'Agents that counted.' }),
    after: z.int().openapi({ description: 'Agents that count now.' }),
  })
  .openapi('EvidenceResult');

export const Decide = z.strictObject({ reason, dryRun });
export const ForgetVersion = z.strictObject({
  version: z.string().min(1).max(100).openapi({ description: 'As the census shows it.', example: '14.3.2' }),
  reason,
  dryRun,
});
