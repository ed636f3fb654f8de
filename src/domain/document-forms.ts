import type { BranchCut, BranchCuts } from './branch-cut.ts';
import { BRANCH_CUTS_KEY } from './branch-cut.ts';
import type { Channel, Critical, Hold, Pin, Plan, RetiredChannel, ServedTarget } from './channel.ts';
import type { ControlPlane, RetiredControlPlane, Wanted } from './control-plane.ts';
import {
  added,
  type Check,
  count,
  duration,
  flag,
  formerVersion,
  list,
  nullable,
  nullish,
  number,
  object,
  oneOf,
  optional,
  planeVersion,
  record,
  text,
  time,
  version,
} from './document-checks.ts';
import { FREEZE_EXEMPTIONS, type Freeze } from './freeze.ts';
import { FREEZES_KEY, type GlobalFreeze, type GlobalFreezes } from './global-freeze.ts';
import { type Promotion, STAGE_STATES, type StageProgress } from './promotion.ts';
import { PURPOSES } from './purpose.ts';
import { RECOVERY_KEY, type Recovery } from './recovery.ts';
import { ARTIFACT_STATES, type Artifact, type Release, type ReleaseChange, type Signature } from './release.ts';
import { ROLES } from './role.ts';
import { type Canary, GROUP_STATES, type GroupProgress, ROLLOUT_STATES, type Rollout, type Said } from './rollout.ts';
import { type RolloutGroup, type RolloutSettings, STRATEGIES, UNMATCHED } from './rollout-settings.ts';
import { type MoveInput, SCHEDULED_VERBS, type ScheduledChange, UNDONE_STATES } from './schedule.ts';
import { SCHEMA_KEY } from './schema.ts';
import { SIGN_OFFS_KEY, type SignOffs } from './sign-off.ts';
import { VERSION_KINDS } from './version.ts';
import type { GroupBase, WatchBase } from './watch.ts';
import { REACTIONS, readShare, type WatchCondition, type WatchSettings } from './watch-settings.ts';
import { DAYS, type Window, windowFault } from './window.ts';

const signature = object<Signature>({ by: text, at: time });
const said = object<Said>({ by: text, at: time, reason: text });
const served = list(object<ServedTarget>({ version: formerVersion, until: time }));
const ending = object<Pin & Critical>({ by: text, at: time, reason: text, until: nullable(time) });
const hold = nullable(object<Hold>({ by: text, at: time, reason: text }));

const windowFields = object<Window>({ start: text, for: text, timeZone: text });
const window: Check<Window> = (value) => windowFields(value) ?? windowFault(value as Window);
const freezeFields = { from: time, until: time, reason: text, except: list(oneOf(FREEZE_EXEMPTIONS)) };

const group = object<RolloutGroup>({
  name: text,
  match: list(text),
  canaries: count,
  waves: list(number),
  days: list(oneOf(DAYS)),
  window: nullable(window),
  waitHours: number,
  soak: optional(duration),
  alertAfter: duration,
});

const rollout = object<Rollout>({
  id: text,
  from: nullable(version),
  to: version,
  state: oneOf(ROLLOUT_STATES),
  strategy: oneOf(STRATEGIES),
  unmatched: oneOf(UNMATCHED),
  startedAt: time,
  startedBy: text,
  reason: text,
  since: time,
  halted: nullable(said),
  paused: nullable(said),
  resumedAt: nullish(time),
  groups: list(
    object<GroupProgress>({
      settings: group,
      state: oneOf(GROUP_STATES),
      from: nullable(version),
      since: nullable(time),
      startedAt: nullable(time),
      wave: number,
      waveSince: nullable(time),
      present: nullable(count),
      failed: optional(count),
      canaries: list(object<Canary>({ id: text, host: nullable(text) })),
      counted: flag,
    }),
  ),
});

const planFields = object<Plan>({
  target: version,
  route: list(version),
  step: count,
  critical: flag,
  startedBy: text,
  startedAt: time,
  reason: text,
});
const plan: Check<Plan> = (value) => {
  const fault = planFields(value);
  if (fault !== null) return fault;
  const { route, step } = value as Plan;
  return step < route.length ? null : 'step: its route has no such stop';
};

const share: Check<string | number> = (value) =>
  readShare(value as string | number) === null ? 'it is neither a share nor a percentage' : null;
const watch = object<WatchSettings>({
  for: duration,
  maxReverted: share,
  maxVanished: share,
  maxFailed: share,
  conditions: list(object<WatchCondition>({ name: text, query: text, for: duration })),
  // biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
  then: oneOf(REACTIONS),
});

const scheduled = object<ScheduledChange>({
  id: text,
  verb: oneOf(SCHEDULED_VERBS),
  at: time,
  input: object<MoveInput>({
    version: optional(version),
    critical: optional(flag),
    until: optional(time),
    stepped: optional(flag),
    immediate: optional(flag),
    overrideFreeze: optional(flag),
  }),
  reason: text,
  by: text,
  role: oneOf(ROLES),
  acceptedAt: time,
  undone: optional(
    object<NonNullable<ScheduledChange['undone']>>({ state: oneOf(UNDONE_STATES), at: time, reason: text }),
  ),
});

const stages = record(
  object<StageProgress>({
    state: oneOf(STAGE_STATES),
    since: nullable(time),
    approved: nullable(said),
    started: nullable(
      object<NonNullable<StageProgress['started']>>({ by: text, at: time, reason: text, critical: flag }),
    ),
    halted: nullable(
      object<NonNullable<StageProgress['halted']>>({ by: text, at: time, reason: text, from: oneOf(STAGE_STATES) }),
    ),
    ended: nullish(said),
  }),
);

const artifact = object<Artifact>({ state: oneOf(ARTIFACT_STATES), at: nullable(time) });

/** What each kind of document must be so that it can be served. */
export const FORMS: Readonly<Record<string, (value: unknown) => string | null>> = {
  channel: object<Channel>({
    name: text,
    description: text,
    accepts: list(oneOf(VERSION_KINDS)),
    purpose: nullish(oneOf(PURPOSES)),
    versionPrefix: oneOf(['v', '']),
    needsHelm: flag,
    controlPlane: nullable(text),
    toolsVersion: nullable(version),
    toolsFallback: nullish(version),
    rollout: nullish(
      object<RolloutSettings>({ strategy: oneOf(STRATEGIES), groups: list(group), unmatched: oneOf(UNMATCHED) }),
    ),
    window: nullish(window),
    freezes: nullish(list(object<Freeze>(freezeFields))),
    target: nullable(version),
    critical: nullable(ending),
    pin: nullable(ending),
    hold: added(hold),
    lineage: list(formerVersion),
    served,
    plan: nullable(plan),
    watch: nullish(watch),
    forgiven: nullish(time),
    progress: nullish(rollout),
    scheduled: optional(list(scheduled)),
    updatedAt: time,
    updatedBy: text,
  }),
  retired: object<RetiredChannel>({
    name: text,
    served,
    controlPlane: nullable(text),
    hold: optional(hold),
    at: time,
    by: text,
  }),
  'retired-control-plane': object<RetiredControlPlane>({ name: text, at: time, by: text }),
  'control-plane': object<ControlPlane>({
    name: text,
    version: planeVersion,
    highest: optional(planeVersion),
    components: optional(record(list(text))),
    class: optional(text),
    labels: optional(record(text)),
    wanted: optional(object<Wanted>({ version, stage: text, since: time, reachedAt: nullable(time) })),
    changedAt: nullish(time),
    updatedAt: time,
    updatedBy: text,
    failing: optional(object<NonNullable<ControlPlane['failing']>>({ since: time, fault: text })),
  }),
  release: object<Release>({
    version,
    commit: nullable(text),
    cutAt: nullable(time),
    branch: optional(text),
    previous: nullable(text),
    includes: optional(list(version)),
    security: flag,
    embargoed: flag,
    artifacts: object<Release['artifacts']>({ controlPlane: artifact, packages: artifact, helm: artifact }),
    changes: list(
      object<ReleaseChange>({
        pr: count,
        title: text,
        author: optional(text),
        significant: flag,
        signedOff: nullable(signature),
      }),
    ),
    pulled: nullable(said),
    registered: nullable(object<NonNullable<Release['registered']>>({ by: text, at: time, digest: text })),
  }),
  promotion: object<Promotion>({
    version,
    stages,
    agents: optional(stages),
    expedited: nullish(said),
    supersededBy: nullable(version),
    updatedAt: time,
  }),
  watch: object<WatchBase>({
    name: text,
    move: text,
    at: time,
    controlPlane: nullable(planeVersion),
    groups: record(object<GroupBase>({ present: count, failed: count })),
  }),
  [SIGN_OFFS_KEY]: object<SignOffs>({
    deliveries: list(text),
    verdicts: list(object<SignOffs['verdicts'][number]>({ pr: count, signedOff: flag, by: text, at: time })),
  }),
  [BRANCH_CUTS_KEY]: object<BranchCuts>({
    cuts: list(object<BranchCut>({ major: count, by: text, at: time, reason: text })),
  }),
  [FREEZES_KEY]: object<GlobalFreezes>({
    freezes: list(object<GlobalFreeze>({ ...freezeFields, id: text, by: text, at: time })),
  }),
  [SCHEMA_KEY]: object<{ form: number }>({ form: count }),
  [RECOVERY_KEY]: object<Recovery>({
    keep: oneOf(['served', 'stored']),
    revision: count,
    by: text,
    at: time,
    reason: text,
  }),
};
