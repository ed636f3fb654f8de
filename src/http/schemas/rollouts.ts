import { z } from '@hono/zod-openapi';
import { FREEZE_EXEMPTIONS } from '../../domain/freeze.ts';
import { roleFor } from '../../domain/role.ts';
import { GROUP_STATES, ROLLOUT_STATES } from '../../domain/rollout.ts';
import { STRATEGIES, UNMATCHED } from '../../domain/rollout-settings.ts';
import { CANARY_STATES } from '../../domain/rollout-step.ts';
import { REACTIONS } from '../../domain/watch-settings.ts';
import { DAYS } from '../../domain/window.ts';
import { AuditEntry } from './audit.ts';
import { dryRun, reason, said, time } from './fields.ts';
import { Report } from './report.ts';
import { WatchScope } from './watch-scope.ts';

const window = { start: z.string(), for: z.string(), timeZone: z.string() };
const group = {
  name: z.string(),
  match: z.array(z.string()),
  canaries: z.int(),
  waves: z.array(z.number()),
  days: z.array(z.enum(DAYS)),
  window: z.object(window).nullable(),
  waitHours: z.number(),
  soak: z.string().optional(),
  alertAfter: z.string(),
};
export const Window = z.object(window).openapi('Window');
export const Rollout = z
  .object({ strategy: z.enum(STRATEGIES), groups: z.array(z.object(group)), unmatched: z.enum(UNMATCHED) })
  .openapi('RolloutSettings');

export const Freeze = z
  .object({ from: z.string(), until: z.string(), reason: z.string(), except: z.array(z.enum(FREEZE_EXEMPTIONS)) })
  .openapi('Freeze');

const share = z.union([z.string(), z.number()]);
export const Watch = z
  .object({
    ...{ for: z.string(), maxReverted: share, maxVanished: share, maxFailed: share },
    conditions: z.array(z.object({ name: z.string(), query: z.string(), for: z.string() })),
    // biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
    then: z.enum(REACTIONS),
  })
  .openapi('WatchSettings');

const canary = { id: z.string().max(128), host: z.string().max(253).nullable() };
export const groupProgress = {
  settings: z.strictObject({ ...group, window: z.strictObject(window).nullable() }),
  state: z.enum(GROUP_STATES),
  from: z.string().nullable().openapi({ description: 'What its agents get before their turn; null: none.' }),
  since: time().nullable(),
  startedAt: time().nullable(),
  wave: z.number().min(0).max(100).openapi({ description: 'The percentage that may go once the canaries have.' }),
  waveSince: time().nullable(),
  present: z.int().nullable().openapi({ description: 'Agents that were heard when it began.' }),
  canaries: z.array(z.strictObject(canary)).max(10),
  counted: z.boolean().openapi({ description: 'No source names its agents, so nothing but time decides.' }),
};
export const progress = {
  id: z.string().max(64).openapi({ description: 'Also the salt of the numbers of its agents.' }),
  from: z.string().nullable(),
  to: z.string(),
  state: z.enum(ROLLOUT_STATES),
  strategy: z.enum(STRATEGIES),
  unmatched: z.enum(UNMATCHED),
  startedAt: said.at,
  startedBy: said.by,
  reason: said.reason,
  since: time(),
  halted: z.strictObject(said).nullable(),
  paused: z.strictObject(said).nullable(),
  resumedAt: time().nullable().optional(),
  groups: z.array(z.strictObject(groupProgress)).max(40),
};
export const Progress = z.object(progress).openapi('RolloutProgress');

const GroupView = z
  .object({
    name: z.string(),
    state: z.enum(GROUP_STATES),
    since: z.string().nullable(),
    wave: z.number(),
    waves: z.array(z.number()),
    agents: z.int(),
    told: z.int().openapi({ description: 'Agents whose turn has come.' }),
    atTarget: z.int(),
    reverted: z.int(),
    vanished: z.int(),
    failed: z.int(),
    pinned: z.int().openapi({ description: 'Their updater is pinned or disabled on the host.' }),
    anonymous: z.int().openapi({ description: 'They do not say who they are when they ask, so they go at 100 %.' }),
    canaries: z.array(z.object({ ...canary, state: z.enum(CANARY_STATES) })),
    waitsFor: z.string().nullable(),
  })
  .openapi('RolloutGroup');

export const RolloutView = z
  .object({
    id: z.string(),
    channel: z.string(),
    from: z.string().nullable(),
    to: z.string(),
    state: z.enum(ROLLOUT_STATES),
    strategy: z.enum(STRATEGIES),
    startedAt: z.string(),
    startedBy: z.string(),
    reason: z.string(),
    halted: z.object(said).nullable(),
    paused: z.object(said).nullable(),
    groups: z.array(GroupView),
    next: z.string().openapi({ description: 'What happens next, in one sentence.' }),
    watch: WatchScope.nullable(),
    revision: z.int().openapi({ description: 'Of the channel.' }),
  })
  .openapi('Rollout');

export const RolloutResult = z
  .object({ rollout: RolloutView, report: Report.nullable(), audit: AuditEntry.nullable() })
  .openapi('RolloutResult');

const groupName = z.string().min(1).max(64).optional();
const force = z.boolean().optional();
const description = `Although a freeze holds; needs the role ${roleFor('override-freeze')}.`;
export const overrideFreeze = z.boolean().optional().openapi({ description });
export const overrideFreezeQuery = z.enum(['true', 'false']).optional().openapi({ description });
export const Start = z.strictObject({
  group: groupName.openapi({ description: 'By default the next one.' }),
  reason,
  skipCanaries: z.boolean().optional(),
  force: force.openapi({ description: 'Although groups before it are not done.' }),
  overrideFreeze,
  dryRun,
});
export const Done = z.strictObject({
  group: groupName.openapi({ description: 'By default the one that is under way.' }),
  reason,
  force: force.openapi({ description: 'Although its agents have not followed.' }),
  overrideFreeze,
  dryRun,
});
export const OfGroup = z.strictObject({
  group: groupName.openapi({ description: 'By default the whole rollout.' }),
  reason,
  dryRun,
});
export const OfAll = z.strictObject({ reason, dryRun });
