import { z } from '@hono/zod-openapi';
import { SIGHTING_SOURCES, UPDATER_KINDS } from '../domain/agent.ts';
import { EVIDENCE_SOURCES } from '../domain/census.ts';
import { channelNameFault } from '../domain/channel.ts';
import { REFUSAL_REASONS, WARNING_REASONS } from '../domain/compatibility.ts';
import { CONTROL_PLANE_REASONS } from '../domain/control-plane.ts';
import { ERROR_CODES } from '../domain/errors.ts';
import { WAITING_REASONS } from '../domain/plan.ts';
import { ROLES } from '../domain/role.ts';
import { VERSION_KINDS } from '../domain/version.ts';
import { canonicalVersion, dryRun, judged, kind, reason, said, time, version } from './schemas/fields.ts';
import { PromotionGate, PromotionState } from './schemas/promotions.ts';
import { releaseState } from './schemas/releases.ts';

const controlPlaneName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected 1 to 64 of a-z0-9._-, a letter or digit first');

export const ChannelName = judged(channelNameFault).openapi({
  param: { name: 'channel', in: 'path' },
  description: 'Percent-encoded where it holds slashes.',
  example: 'stable/cloud',
});

const mark = { ...said, until: time().nullable() };
const Mark = z.object(mark);
const plan = {
  target: z.string(),
  route: z.array(z.string()),
  step: z.int().openapi({ description: 'Index in the route of the present target.' }),
  critical: z.boolean(),
  startedBy: said.by,
  startedAt: said.at,
  reason: said.reason,
};
const Plan = z.object(plan).openapi('Plan');
const VersionCount = z.object({ version: z.string(), count: z.int() });

export const Channel = z
  .object({
    name: z.string(),
    description: z.string(),
    accepts: z.array(kind),
    versionPrefix: z.enum(['v', '']),
    needsHelm: z.boolean(),
    controlPlane: z.string().nullable(),
    toolsVersion: z.string().nullable(),
    target: z.string().nullable().openapi({ description: 'Without prefix; null: agents are told none.' }),
    critical: Mark.nullable(),
    pin: Mark.nullable(),
    lineage: z.array(z.string()).openapi({ description: 'The way to the target, ascending.' }),
    served: z.array(z.object({ version: z.string(), until: z.string() })),
    plan: Plan.nullable().openapi({ description: 'Steps to come; see GET /channels/{channel}/plan.' }),
    updatedAt: z.string(),
    updatedBy: z.string(),
    revision: z.int(),
  })
  .openapi('Channel');

const findingOf = <const R extends readonly string[]>(reasons: R) =>
  z.object({
    reason: z.enum(reasons),
    version: z.string().optional().openapi({ description: 'Of the agents concerned, or of the stop on the way.' }),
    count: z.int().optional().openapi({ description: 'Of the agents concerned.' }),
    detail: z.string().openapi({ description: 'What is wrong and what to do about it, for people.' }),
  });
const EvidenceSummary = z.object({
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

export const PlanState = z
  .object({
    plan: Plan.nullable(),
    next: z.string().nullable().openapi({ description: 'The step to come.' }),
    waiting: z
      .object({ reason: z.enum(WAITING_REASONS), detail: z.string() })
      .nullable()
      .openapi({ description: 'What stands in the way of it; null: it is taken within seconds.' }),
    report: Report.nullable().openapi({ description: "The gate's, on the step to come." }),
  })
  .openapi('PlanState');
export const Point = z
  .object({ at: z.string(), agents: z.int(), atTarget: z.int(), behind: z.int(), stranded: z.int() })
  .openapi('Point');

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
    hash: z.string().openapi({ description: 'SHA-256 over the hash of the entry before and this one.' }),
  })
  .openapi('AuditEntry');

export const VerbResult = z
  .object({ channel: Channel, report: Report.nullable(), audit: AuditEntry.nullable() })
  .openapi('VerbResult');

const acceptStranding = z
  .int()
  .min(0)
  .optional()
  .openapi({ description: "The report's `stranded`; needs the role admin." });

export const RollForward = z.strictObject({
  version,
  reason,
  critical: z.boolean().optional(),
  stepped: z.boolean().optional().openapi({ description: 'Across majors in steps, each when it would strand nobody.' }),
  acceptStranding,
  dryRun,
});
export const RollBack = z.strictObject({
  version: version.optional(),
  reason,
  critical: z.boolean().optional(),
  acceptStranding,
  dryRun,
});
export const Pin = z.strictObject({
  version: version.optional(),
  reason,
  until: time().optional(),
  acceptStranding,
  dryRun,
});
export const Unpin = z.strictObject({ reason, dryRun });
export const Critical = z.strictObject({ critical: z.boolean(), reason, until: time().optional(), dryRun });
export const CancelPlan = z.strictObject({ reason, dryRun });
export const Withdraw = z.strictObject({ reason, dryRun });
export const Check = z.strictObject({ version, dryRun });

const settings = {
  description: z.string().max(500).optional(),
  accepts: z.array(kind).min(1).max(VERSION_KINDS.length).optional(),
  versionPrefix: z.enum(['v', '']).optional(),
  needsHelm: z.boolean().optional(),
  controlPlane: controlPlaneName.nullable().optional(),
  toolsVersion: canonicalVersion
    .nullable()
    .optional()
    .openapi({ description: 'What client tools are told to run; null: the target.' }),
};
export const PutChannel = z.strictObject({
  ...settings,
  target: version.optional().openapi({ description: 'Only at creation.' }),
  reason: reason.optional(),
  dryRun,
});

export const ControlPlane = z
  .object({ name: z.string(), version: z.string(), updatedAt: z.string(), updatedBy: z.string(), revision: z.int() })
  .openapi('ControlPlane');
export const ControlPlaneName = controlPlaneName.openapi({ param: { name: 'name', in: 'path' }, example: 'main' });
export const PutControlPlane = z.strictObject({ version, dryRun });
export const ControlPlaneReport = z
  .object({
    allowed: z.boolean(),
    controlPlane: z.string(),
    current: z.string().nullable().openapi({ description: 'What it runs; null while nobody has reported it.' }),
    version: z.string(),
    agents: z.int(),
    stranded: z.int().openapi({ description: 'Agents that it would refuse, or that would refuse it.' }),
    reasons: z.array(findingOf(CONTROL_PLANE_REASONS).extend({ channel: z.string().optional() })),
    channels: z.array(
      z.object({ channel: z.string(), target: z.string().nullable(), evidence: z.array(EvidenceSummary) }),
    ),
  })
  .openapi('ControlPlaneReport');

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
        majorBehind: z.int().openapi({ description: 'A major or more, and still in support.' }),
        outOfSupport: z.int(),
        ahead: z.int(),
        stranded: z.int().openapi({ description: 'Of all these: may not go to the target in one hop.' }),
      })
      .nullable(),
    groups: z.array(z.object({ group: z.string().nullable(), count: z.int() })),
    updaters: z.array(z.object({ updater: z.string().nullable(), count: z.int() })),
    unenrolled: z.int().openapi({ description: 'Check in without an enrolment token; in no other count.' }),
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
    because: z.string().openapi({ description: 'The same in a sentence.' }),
  })
  .openapi('Explanation');

/** What an instance of `tctl inventory ls --format=json` must look like to be counted; the rest of it is not read. */
export const Instance = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    version: z.string().optional(),
    ext_upgrader: z.string().optional(),
    external_upgrader: z.string().optional(),
    ext_upgrader_version: z.string().optional(),
    updater_info: z.object({ update_group: z.string().optional() }).nullish(),
  }),
});
export const InventoryResult = z
  .object({ received: z.int(), enrolled: z.int(), skipped: z.int(), oldest: VersionCount.nullable() })
  .openapi('InventoryResult');

export { ImportResult, Release } from './schemas/releases.ts';

const StateMark = z.strictObject(mark).nullable();
const channelState = {
  target: canonicalVersion.nullable(),
  critical: StateMark,
  pin: StateMark,
  lineage: z.array(canonicalVersion).max(50),
  served: z.array(z.strictObject({ version: canonicalVersion, until: time() })).max(50),
  plan: z
    .strictObject({
      ...plan,
      target: canonicalVersion,
      route: z.array(canonicalVersion).min(2).max(50),
      step: z.int().min(0).max(48),
    })
    .nullable(),
};

/** A list that names nothing twice. */
const listOf = <T>(item: z.ZodType<T>, nameOf: (item: T) => string) =>
  z.array(item).superRefine((items, context) => {
    const seen = new Set<string>();
    const twice = items.map(nameOf).find((name) => seen.size === seen.add(name).size);
    if (twice !== undefined) context.addIssue(`${twice} is listed twice`);
  });
/** What `GET /export` answers and `POST /apply` takes; there every part may be left out. */
export const StateDocument = z
  .strictObject({
    fairway: z.literal(1),
    channels: listOf(
      z.strictObject({ name: judged(channelNameFault), ...settings, ...z.object(channelState).partial().shape }),
      ({ name }) => name,
    ).optional(),
    controlPlanes: listOf(
      z.strictObject({ name: controlPlaneName, version: canonicalVersion }),
      ({ name }) => name,
    ).optional(),
    releases: listOf(
      z.strictObject({ version: canonicalVersion, ...z.object(releaseState).partial().shape }),
      (listed) => listed.version,
    ).optional(),
    promotions: listOf(PromotionState, ({ version }) => version).optional(),
  })
  .openapi('StateDocument');
export const ApplyResult = z
  .object({
    changes: z.array(
      z.object({
        key: z.string(),
        change: z.enum(['create', 'update']),
        before: z.looseObject({}).nullable(),
        after: z.looseObject({}),
      }),
    ),
    audit: AuditEntry.nullable(),
  })
  .openapi('ApplyResult');

export const ChainState = z
  .object({
    intact: z.boolean(),
    entries: z.int(),
    head: z.string().openapi({ description: 'Hash of the newest entry.' }),
    brokenAt: z.int().nullable().openapi({ description: 'Id of the first entry that does not fit the one before.' }),
  })
  .openapi('ChainState');

/** RFC 9457. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES),
    detail: z.string().openapi({ description: 'What is wrong and what to do next.' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    report: Report.optional(),
    gates: z.array(PromotionGate).optional(),
  })
  .openapi('Problem');

export const Role = z.enum(ROLES);

export const DryRun = z.object({
  dryRun: z.enum(['true', 'false']).optional().openapi({ description: 'Answer as if, and store nothing.' }),
});
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().min(1).optional().openapi({ description: 'Only entries with a lower id.' }),
});
