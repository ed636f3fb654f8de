import { z } from '@hono/zod-openapi';
import { readControlPlaneVersion } from '../../domain/control-plane.ts';
import { CONTROL_PLANE_REASONS, CONTROL_PLANE_WARNINGS } from '../../domain/control-plane-check.ts';
import { TENANT_STATES } from '../../domain/tenant.ts';
import { MAX_VERSION_LENGTH, readVersion } from '../../domain/version.ts';
import { canonicalVersion, controlPlaneName, dryRun, judged, labels, tenantClass } from './fields.ts';
import { listQuery } from './page.ts';
import { EvidenceSummary, findingOf } from './report.ts';

const components = z.record(z.string(), z.array(z.string()));

export const ControlPlane = z
  .object({
    name: z.string(),
    version: z.string().openapi({ description: 'The same as `lowest`.' }),
    lowest: z.string(),
    highest: z.string(),
    components: components.nullable().openapi({ description: 'Versions by component, where they were reported so.' }),
    class: z.string().nullable().openapi({ description: 'The class of tenants that it belongs to.' }),
    labels: z.record(z.string(), z.string()),
    wanted: z
      .object({ version: z.string(), stage: z.string(), since: z.string() })
      .nullable()
      .openapi({ description: 'What its stage wants it to run; null while nothing is wanted.' }),
    waits: z
      .object({ version: z.string(), stage: z.string() })
      .nullable()
      .openapi({ description: 'What its stage goes to, though it is not the turn of this one yet.' }),
    state: z.enum(TENANT_STATES).openapi({
      description: 'How it stands to what is wanted: told, and failing once the deadline of its stage passed.',
    }),
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
    class: tenantClass.nullable().optional().openapi({ description: 'The class of tenants; null takes it out.' }),
    labels: labels.optional().openapi({ description: 'Replace the labels; an empty object removes them.' }),
    dryRun,
  })
  .superRefine(({ version, components: parts = {}, class: its, labels: all }, context) => {
    const hasParts = Object.keys(parts).length > 0;
    const isReport = version !== undefined || hasParts;
    if (version !== undefined && hasParts) context.addIssue('report either version or components');
    if (!isReport && its === undefined && all === undefined) context.addIssue('report either version or components');
  });

export const ControlPlaneQuery = z.object({
  ...listQuery,
  class: tenantClass.optional(),
  wanted: canonicalVersion.optional(),
  behind: z.enum(['true', 'false']).optional().openapi({ description: 'Does it not run yet what is wanted?' }),
  state: z.enum(TENANT_STATES).optional(),
  cursor: z.string().max(200).optional().openapi({ description: 'The same as `after`.' }),
});

export const ImportControlPlanes = z
  .array(
    z.strictObject({
      name: controlPlaneName,
      version: reportedVersion,
      class: tenantClass.optional(),
      labels: labels.optional(),
    }),
  )
  .min(1)
  .max(10_000)
  .superRefine((items, context) => {
    const names = new Set<string>();
    const twice = items.find(({ name }) => names.size === names.add(name).size);
    if (twice) context.addIssue(`${twice.name} is listed twice`);
  });
export const ImportedControlPlanes = z
  .object({ received: z.int(), imported: z.int().openapi({ description: 'New, or changed.' }) })
  .openapi('ImportedControlPlanes');

export const Deployment = ControlPlane.extend({
  deploy: z
    .object({
      version: z.string(),
      allowed: z.boolean(),
      reasons: z.array(findingOf(CONTROL_PLANE_REASONS).extend({ channel: z.string().optional() })),
    })
    .nullable()
    .openapi({ description: 'What to deploy, and whether it may be now; null: nothing.' }),
}).openapi('Deployment');

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
