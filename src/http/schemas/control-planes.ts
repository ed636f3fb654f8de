import { z } from '@hono/zod-openapi';
import { CONTROL_PLANE_REASONS } from '../../domain/control-plane.ts';
import { controlPlaneName, dryRun, version } from './fields.ts';
import { EvidenceSummary, findingOf } from './report.ts';

export const ControlPlane = z
  .object({ name: z.string(), version: z.string(), updatedAt: z.string(), updatedBy: z.string(), revision: z.int() })
  .openapi('ControlPlane');
export const ControlPlaneName = controlPlaneName.openapi({ param: { name: 'name', in: 'path' }, example: 'main' });
export const PutControlPlane = z.strictObject({ version, dryRun });
export const ControlPlaneReport = z
  .object({
    allowed: z.boolean(),
    controlPlane: z.string(),
    current: z.string().nullable().openapi({ description: 'The version that it runs; null until it is recorded.' }),
    version: z.string(),
    agents: z.int(),
    stranded: z.int().openapi({ description: 'Agents that it would refuse, or that would refuse it.' }),
    reasons: z.array(findingOf(CONTROL_PLANE_REASONS).extend({ channel: z.string().optional() })),
    channels: z.array(
      z.object({ channel: z.string(), target: z.string().nullable(), evidence: z.array(EvidenceSummary) }),
    ),
  })
  .openapi('ControlPlaneReport');
