import type { z } from '@hono/zod-openapi';
import type * as promotions from '../http/schemas/promotions.ts';
import type * as recovery from '../http/schemas/recovery.ts';
import type * as releases from '../http/schemas/releases.ts';
import type * as schemas from '../http/schemas.ts';

// The API's schemas, as types only: the command line starts fast because it carries no validator.
export type Agent = z.infer<typeof schemas.Agent>;
export type ApplyResult = z.infer<typeof schemas.ApplyResult>;
export type AuditEntry = z.infer<typeof schemas.AuditEntry>;
export type BackportPlan = z.infer<typeof releases.BackportPlan>;
export type Census = z.infer<typeof schemas.Census>;
export type ChainState = z.infer<typeof schemas.ChainState>;
export type Channel = z.infer<typeof schemas.Channel>;
export type ControlPlane = z.infer<typeof schemas.ControlPlane>;
export type ControlPlaneReport = z.infer<typeof schemas.ControlPlaneReport>;
export type Explanation = z.infer<typeof schemas.Explanation>;
export type ImportResult = z.infer<typeof schemas.ImportResult>;
export type InventoryResult = z.infer<typeof schemas.InventoryResult>;
export type PlanState = z.infer<typeof schemas.PlanState>;
export type Problem = z.infer<typeof schemas.Problem>;
export type Promotion = z.infer<typeof promotions.Promotion>;
export type RecallResult = z.infer<typeof releases.RecallResult>;
export type RecoveryResult = z.infer<typeof recovery.RecoveryResult>;
export type Release = z.infer<typeof schemas.Release>;
export type Report = z.infer<typeof schemas.Report>;
export type StateDocument = z.infer<typeof schemas.StateDocument>;
export type SupportWindow = z.infer<typeof releases.SupportWindow>;
export type TagPlan = z.infer<typeof releases.TagPlan>;
export type VerbResult = z.infer<typeof schemas.VerbResult>;
export type VersionExplanation = z.infer<typeof releases.VersionExplanation>;

export type Plan = NonNullable<Channel['plan']>;
export type Mark = NonNullable<Channel['pin']>;
export type Evidence = Report['evidence'][number];
export type VersionCount = Census['versions'][number];
