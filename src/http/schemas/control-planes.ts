import { z } from '@hono/zod-openapi';
import { CONTROL_PLANE_REASONS, CONTROL_PLANE_WARNINGS, readControlPlaneVersion } from '../../domain/control-plane.ts';
import { MAX_VERSION_LENGTH, readVersion } from '../../domain/version.ts';
import { controlPlaneName, dryRun, judged } from './fields.ts';
import { EvidenceSummary, findingOf } from './report.ts';

const components = z.record(z.string(), z.array(z.string()));

export const ControlPlane = z
  .object({
    name: z.string(),
    version: z.string().openapi({ description: 'The same as `lowest`.' }),
    lowest: z.string(),
    highest: z.string(),
    components: components.nullable().openapi({ description: 'Versions by component, where they were reported so.' }),
    changedAt: z.string().openapi({ description: 'When `lowest` or `highest` last changed.' }),
    updatedAt: z.string(),
    updatedBy: z.string(),
    failing: z
      .object({ since: z.string(), fault: z.string() })
      .nullable()
      .openapi({ description: 'Since when its source cannot be read, and why; null while it can, or has none.' }),
    revision: z.int(),
  })
  .openapi('ControlPlane');
export const ControlPlaneName = controlPlaneName.openapi({ param: { name: 'name', in: 'path' }, example: 'main' });

const reportedVersion = judged((text) => {
  if (readControlPlaneVersion(text)) return null;
  const fault = readVersion(text);
  return typeof fault === 'string' ? fault : null;
}).openapi({ example: '16.4.7', maxLength: MAX_VERSION_LENGTH });
const component = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Za-z0-9._-');

export const PutControlPlane = z
  .strictObject({
    version: reportedVersion.optional(),
    components: z
      .record(component, z.array(reportedVersion).min(1).max(100))
      .optional()
      .openapi({ example: { auth: ['17.4.2'], proxy: ['17.4.2', '17.4.1'] } }),
    dryRun,
  })
  .refine(
    ({ version, components: parts = {} }) => (version === undefined) !== (Object.keys(parts).length === 0),
    'report either version or components',
  );

export const CheckControlPlane = z.strictObject({ version: reportedVersion, dryRun });
export const ControlPlaneReport = z
  .object({
    allowed: z.boolean(),
    controlPlane: z.string(),
    current: z
      .string()
      .nullable()
      .openapi({ description: 'The lowest version that it runs; null until it is recorded.' }),
    currentHighest: z.string().nullable(),
    version: z.string(),
    agents: z.int(),
    stranded: z.int().openapi({ description: 'Agents that it would refuse, or that would refuse it.' }),
    reasons: z.array(findingOf(CONTROL_PLANE_REASONS).extend({ channel: z.string().optional() })),
    warnings: z.array(findingOf(CONTROL_PLANE_WARNINGS).extend({ channel: z.string().optional() })),
    channels: z.array(
      z.object({ channel: z.string(), target: z.string().nullable(), evidence: z.array(EvidenceSummary) }),
    ),
  })
  .openapi('ControlPlaneReport');
