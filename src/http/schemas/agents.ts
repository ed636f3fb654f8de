import { z } from '@hono/zod-openapi';
import { SIGHTING_SOURCES, UPDATER_KINDS } from '../../domain/agent.ts';
import { Mark, plan } from './channels.ts';
import { VersionCount } from './fields.ts';
import { EvidenceSummary } from './report.ts';

export const Census = z
  .object({
    channel: z.string(),
    target: z.string().nullable(),
    agents: z.int(),
    oldest: VersionCount.nullable(),
    versions: z.array(VersionCount),
    distance: z
      .object({
        atTarget: z.int(),
        behind: z.int().openapi({ description: "Within the target's major." }),
        majorBehind: z.int().openapi({ description: 'A major or more behind, and still in support.' }),
        outOfSupport: z.int(),
        ahead: z.int(),
        stranded: z
          .int()
          .openapi({ description: 'Those of the agents above that cannot go to the target in one hop.' }),
      })
      .nullable(),
    groups: z.array(z.object({ group: z.string().nullable(), count: z.int() })),
    updaters: z.array(z.object({ updater: z.string().nullable(), count: z.int() })),
    unenrolled: z
      .int()
      .openapi({ description: 'Agents that check in without an enrolment token; no other count includes them.' }),
    sources: z.array(EvidenceSummary.extend({ skipped: z.int(), versions: z.array(VersionCount) })),
  })
  .openapi('Census');

const sighting = {
  channel: z.string(),
  version: z.string(),
  updater: z.enum(UPDATER_KINDS).nullable(),
  updaterVersion: z.string().nullable(),
  group: z.string().nullable(),
  enrolled: z.boolean(),
};
export const Agent = z
  .object({
    id: z.string(),
    ...sighting,
    lastSeen: z.string(),
    sources: z.array(z.object({ source: z.enum(SIGHTING_SOURCES), ...sighting, at: z.string() })),
  })
  .openapi('Agent');
export const AgentId = z
  .string()
  .min(1)
  .max(128)
  .openapi({ param: { name: 'id', in: 'path' } });
export const Explanation = z
  .object({
    agent: Agent,
    channel: z.string(),
    told: z.object({ version: z.string(), critical: z.enum(['yes', 'no']) }).nullable(),
    target: z.string().nullable(),
    critical: Mark.nullable(),
    pin: Mark.nullable(),
    plan: z.object({ ...plan, next: z.string(), strandsAgent: z.boolean() }).nullable(),
    revision: z.int().nullable(),
    because: z.string().openapi({ description: 'The reason in a sentence.' }),
  })
  .openapi('Explanation');
