import { BRANCH_CUTS_KEY } from './branch-cut.ts';
import { readControlPlaneVersion } from './control-plane.ts';
import { FREEZE_EXEMPTIONS } from './freeze.ts';
import { FREEZES_KEY } from './global-freeze.ts';
import { STAGE_STATES } from './promotion.ts';
import { PURPOSES } from './purpose.ts';
import { RECOVERY_KEY } from './recovery.ts';
import { ARTIFACT_SETS, ARTIFACT_STATES } from './release.ts';
import { ROLES } from './role.ts';
import { GROUP_STATES, ROLLOUT_STATES } from './rollout.ts';
import { STRATEGIES, UNMATCHED } from './rollout-settings.ts';
import { SCHEDULED_VERBS, UNDONE_STATES } from './schedule.ts';
import { SCHEMA, SCHEMA_KEY } from './schema.ts';
import { SIGN_OFFS_KEY } from './sign-off.ts';
import { atOnce, type Steps } from './steps.ts';
import type { BadDocument, ControlState, Document } from './store.ts';
import { parseVersion, VERSION_KINDS } from './version.ts';
import { DAYS, type Window, windowFault } from './window.ts';

/** The fault of a document whose bytes are not JSON. */
export const TORN = 'its JSON is torn';

/** Says what is wrong with a value, such as `target: it is not a version`; null if it can be served. */
type Check = (value: unknown) => string | null;

const check =
  (what: string, isGood: (value: unknown) => boolean): Check =>
  (value) =>
    isGood(value) ? null : what;

const text = check('it is not text', (value) => typeof value === 'string');
const flag = check('it is neither true nor false', (value) => typeof value === 'boolean');
const count = check('it is not a whole number', Number.isSafeInteger);
const number = check('it is not a number', Number.isFinite);
const version = check('it is not a version', (value) => typeof value === 'string' && isVersion(value));

/** Channels share their versions, and to parse each of them again took half of the time of a load. */
const versions = new Set<string>();
const MAX_VERSIONS = 10_000;

function isVersion(value: string): boolean {
  if (versions.has(value)) return true;
  if (parseVersion(value) === null) return false;
  if (versions.size >= MAX_VERSIONS) versions.clear();
  versions.add(value);
  return true;
}
const planeVersion = check(
  'it is not a version',
  (value) => typeof value === 'string' && !/\s/.test(value) && readControlPlaneVersion(value) !== null,
);
/** A version that earlier releases may have read less strictly. */
const formerVersion = check('it is not a version', (value) => typeof value === 'string' && /^[!-~]+$/.test(value));
const time = check('it is not a time', (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)));
const oneOf = (values: readonly string[]): Check =>
  check(`it is none of ${values.map((value) => JSON.stringify(value)).join(', ')}`, (value) =>
    values.includes(value as string),
  );

const optional =
  (of: Check): Check =>
  (value) =>
    value === null || value === undefined ? null : of(value);

const list =
  (of: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return 'it is not a list';
    for (const each of value) {
      const fault = of(each);
      if (fault !== null) return fault;
    }
    return null;
  };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function object(fields: Record<string, Check>): Check {
  const entries = Object.entries(fields);
  return (value) => {
    if (!isObject(value)) return 'it is not an object';
    for (const [name, of] of entries) {
      const fault = of(value[name]);
      if (fault !== null) return `${name}: ${fault}`;
    }
    return null;
  };
}

const record =
  (of: Check): Check =>
  (value) =>
    isObject(value) ? list(of)(Object.values(value)) : 'it is not an object';

const signature = object({ by: text, at: text });
const served = list(object({ version: formerVersion, until: time }));
const ending = object({ until: optional(time) });

const windowForm: Check = (value) => {
  const fault = object({ start: text, for: text, timeZone: text })(value);
  return fault ?? windowFault(value as Window);
};
const freezeFields = { from: time, until: time, reason: text, except: list(oneOf(FREEZE_EXEMPTIONS)) };
const freezeForm = object(freezeFields);
const groupSettings = object({
  name: text,
  match: list(text),
  canaries: count,
  waves: list(number),
  days: list(oneOf(DAYS)),
  window: optional(windowForm),
});

const stageProgress = record(
  object({
    state: oneOf(STAGE_STATES),
    since: optional(time),
    approved: optional(signature),
    started: optional(signature),
    halted: optional(object({ from: oneOf(STAGE_STATES) })),
  }),
);

/** What each kind of document must have so that it can be served; what else it has is not looked at. */
const CHECKS: Record<string, Check> = {
  channel: object({
    name: text,
    description: text,
    accepts: list(oneOf(VERSION_KINDS)),
    purpose: optional(oneOf(PURPOSES)),
    versionPrefix: oneOf(['v', '']),
    controlPlane: optional(text),
    toolsVersion: optional(version),
    toolsFallback: optional(version),
    target: optional(version),
    critical: optional(ending),
    pin: optional(ending),
    lineage: list(formerVersion),
    served,
    plan: optional(object({ target: version, route: list(version), step: count })),
    rollout: optional(object({ groups: list(groupSettings), unmatched: oneOf(UNMATCHED) })),
    window: optional(windowForm),
    freezes: optional(list(freezeForm)),
    progress: optional(
      object({
        id: text,
        from: optional(version),
        to: version,
        state: oneOf(ROLLOUT_STATES),
        strategy: oneOf(STRATEGIES),
        unmatched: oneOf(UNMATCHED),
        groups: list(
          object({
            settings: groupSettings,
            state: oneOf(GROUP_STATES),
            from: optional(version),
            since: optional(time),
            startedAt: optional(time),
            wave: number,
            canaries: list(object({ id: text })),
          }),
        ),
      }),
    ),
    scheduled: optional(
      list(
        object({
          id: text,
          verb: oneOf(SCHEDULED_VERBS),
          at: time,
          input: object({ version: optional(version), until: optional(time) }),
          reason: text,
          by: text,
          role: oneOf(ROLES),
          acceptedAt: time,
          undone: optional(object({ state: oneOf(UNDONE_STATES), at: time, reason: text })),
        }),
      ),
    ),
    updatedAt: text,
    updatedBy: text,
  }),
  retired: object({ name: text, served }),
  'retired-control-plane': object({ name: text, at: text, by: text }),
  'control-plane': object({
    name: text,
    version: planeVersion,
    highest: optional(planeVersion),
    components: optional(record(list(text))),
    class: optional(text),
    labels: optional(record(text)),
    wanted: optional(object({ version, stage: text, since: time, reachedAt: optional(time) })),
    updatedAt: text,
    updatedBy: text,
  }),
  release: object({
    version,
    commit: optional(text),
    cutAt: optional(text),
    includes: optional(list(version)),
    security: flag,
    embargoed: flag,
    artifacts: object(Object.fromEntries(ARTIFACT_SETS.map((set) => [set, object({ state: oneOf(ARTIFACT_STATES) })]))),
    changes: list(object({ pr: count, title: text, signedOff: optional(signature) })),
    pulled: optional(signature),
    registered: optional(signature),
  }),
  promotion: object({
    version,
    stages: stageProgress,
    agents: optional(stageProgress),
    supersededBy: optional(version),
  }),
  watch: object({
    name: text,
    move: text,
    at: time,
    controlPlane: optional(planeVersion),
    groups: record(object({ present: count, failed: count })),
  }),
  [SIGN_OFFS_KEY]: object({ deliveries: list(text), verdicts: list(object({ pr: count, signedOff: flag })) }),
  [BRANCH_CUTS_KEY]: object({ cuts: list(object({ major: count, by: text, at: time })) }),
  [FREEZES_KEY]: object({ freezes: list(object({ ...freezeFields, id: text, by: text, at: time })) }),
  [SCHEMA_KEY]: object({ form: count }),
  [RECOVERY_KEY]: object({ keep: oneOf(['served', 'stored']), revision: count, at: text }),
};
const OTHER = object({});

/** Says why a document cannot be served; null if it can. */
export function faultOf(key: string, value: unknown): string | null {
  const cut = key.indexOf('/');
  const kind = CHECKS[key] ? key : key.slice(0, cut);
  const fault = (CHECKS[kind] ?? OTHER)(value);
  if (fault !== null || kind === key || !CHECKS[kind]) return fault;
  const { name, version: its } = value as { name?: string; version: string };
  return (name ?? its) === key.slice(cut + 1) ? null : 'it is named otherwise than its key';
}

/**
 * Keeps out the documents that cannot be served, each named in `bad`. One that is in `lastGood` is served as it was
 * there, at the stored revision, so that the next change of it puts it right.
 */
export const keepOutBad = <S extends Pick<ControlState, 'documents' | 'bad'>>(state: S, lastGood: LastGood): S =>
  atOnce(keepOutInSteps(state, lastGood));

type LastGood = { get(key: string): Document | undefined };

/** Documents that are checked in under a millisecond. */
const CHECKED_A_STEP = 50;

/** As `keepOutBad`, with a pause wherever polls may be answered. */
export function* keepOutInSteps<S extends Pick<ControlState, 'documents' | 'bad'>>(
  state: S,
  lastGood: LastGood,
): Steps<S> {
  const bad = [...(state.bad ?? [])];
  const documents: Document[] = [];
  for (const [n, document] of state.documents.entries()) {
    const fault = faultOf(document.key, document.value);
    if (fault === null) documents.push(document);
    else bad.push({ key: document.key, revision: document.revision, fault });
    if (n % CHECKED_A_STEP === CHECKED_A_STEP - 1) yield;
  }
  if (bad.length === 0) return state;
  const isServed = new Set(documents.map(({ key }) => key));
  for (const { key, revision } of bad) {
    const value = lastGood.get(key)?.value ?? FALLBACKS[key];
    if (value && !isServed.has(key)) documents.push({ key, revision, value });
  }
  return { ...state, documents: documents.sort((a, b) => (a.key < b.key ? -1 : 1)), bad };
}

/** Where nothing good is known. Each document was checked, so the state has the form of this release. */
const FALLBACKS: Record<string, object> = { [SCHEMA_KEY]: { form: SCHEMA } };

/** A sentence for logs, pages and `/readyz`. */
export function describeBad(bad: Iterable<BadDocument>): string {
  const all = [...bad];
  const some = all.slice(0, 3).map(({ key, fault }) => `${JSON.stringify(key).slice(1, -1)} (${fault})`);
  const more = all.length > some.length ? ` and ${all.length - some.length} more` : '';
  const [are, their] =
    all.length === 1 ? ['a document in the store is', 'its'] : ['documents in the store are', 'their'];
  return `${are} damaged, and ${their} last good state is served if it is known: ${some.join(', ')}${more}`;
}
