import { isDeepStrictEqual } from 'node:util';
import { type AuditEntry, headText } from '../domain/audit.ts';
import {
  type Act,
  type Channel,
  type ChannelSettings,
  conform,
  DEFAULT_SETTINGS,
  holdAgain,
  isBack,
  type RetiredChannel,
  type ServedTarget,
  stamp,
} from '../domain/channel.ts';
import { type ControlPlane, reportVersions, withSettings } from '../domain/control-plane.ts';
import { visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeFreeze } from '../domain/freeze.ts';
import { conformFreezes, FREEZES_KEY, type GlobalFreeze, lastingAt, NO_FREEZES } from '../domain/global-freeze.ts';
import { continues } from '../domain/plan.ts';
import { type PromotionState, restorePromotion } from '../domain/promotion.ts';
import { withPurpose } from '../domain/purpose.ts';
import { listedRelease, type Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { brought, overtake } from '../domain/schedule.ts';
import {
  applyInSteps,
  channelKey,
  controlPlaneKey,
  differenceOfWrites,
  promotionKey,
  releaseKey,
  replace,
  retiredControlPlaneKey,
  retiredKey,
  type Snapshot,
  storedFreezes,
  withoutRevision,
} from '../domain/snapshot.ts';
import type { Steps } from '../domain/steps.ts';
import type { Write } from '../domain/store.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';
import { sum } from '../domain/version-counts.ts';
import { inSlices, inTurns } from '../process/turns.ts';
import { type ChangeRequest, releaseGuards } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { State } from './state.ts';

/** Raised when the form of the document changes. */
export const DOCUMENT_FORM = 1;

type ChannelState = Omit<Channel, 'updatedAt' | 'updatedBy'>;
/** `hold` is left out unless there is one, so that an older server can apply the document. */
type ExportedChannel = Omit<ChannelState, 'hold'> & Partial<Pick<Channel, 'hold'>>;

/** `class` and `labels` are left out unless they are set. */
type ExportedControlPlane = Pick<ControlPlane, 'name' | 'version' | 'class' | 'labels'>;

/** The control state as one document. */
export interface StateDocument {
  fairway: typeof DOCUMENT_FORM;
  channels: ExportedChannel[];
  controlPlanes: ExportedControlPlane[];
  releases: Release[];
  promotions: PromotionState[];
  /** Those of all channels that people added and that are not over; left out if there are none. */
  freezes?: GlobalFreeze[];
}

/** A document to apply: what it leaves out stays as it is, and nothing is ever deleted. */
export interface WantedState {
  fairway: typeof DOCUMENT_FORM;
  channels?: (Partial<ChannelSettings> & Partial<ChannelState> & { name: string })[] | undefined;
  controlPlanes?: ExportedControlPlane[] | undefined;
  releases?: (Partial<Release> & { version: string })[] | undefined;
  /** Only brought back where there is none: nothing but its own steps moves a promotion that is under way. */
  promotions?: PromotionState[] | undefined;
  /** Each replaces the one of its id. */
  freezes?: GlobalFreeze[] | undefined;
}

export interface Difference {
  key: string;
  change: 'create' | 'update';
  before: object | null;
  after: object;
}

export interface ApplyResult {
  changes: Difference[];
  /** Null on a dry run, and where nothing differed. */
  audit: AuditEntry | null;
}

export interface Transfer {
  /** What `actor` may see of it, and `ID:HASH` of the entry of the audit log that made it; null if it is not known. */
  export(actor: Actor): Promise<{ state: StateDocument; head: string | null }>;
  /**
   * Makes the state agree with the document; it can hold a channel, and never lets one go. Targets that move pass the
   * gate, all before anything is stored: `refused`, `channel_pinned`, `frozen` unless an admin overrides it. Up to 4
   * MiB of changed documents are one commit. More are several, each safe by itself; where one fails, the error says how
   * far it came, and the same document again goes on from there.
   */
  apply(document: WantedState, request: ChangeRequest & { overrideFreeze?: boolean | undefined }): Promise<ApplyResult>;
}

export interface TransferOptions {
  state: State;
  gate: Gate;
  fleet: Pick<Fleet, 'read'>;
  now: () => Date;
}

/** Takes the control state out, and puts it back. */
export function createTransfer({ state, gate, fleet, now }: TransferOptions): Transfer {
  return {
    async export(actor) {
      const snapshot = state.snapshot();
      const { channels, controlPlanes, releases, promotions } = snapshot;
      const visible = visibleTo(releases, actor);
      const freezes = lastingAt(storedFreezes(snapshot) ?? NO_FREEZES, now());
      const exported = {
        fairway: DOCUMENT_FORM,
        channels: await inSlices(byKey(channels), exportChannel),
        controlPlanes: await inSlices(byKey(controlPlanes), exportControlPlane),
        releases: await inSlices(byKey(visible), (release) => withVisibleFixes(withoutRevision(release), visible)),
        promotions: byKey(promotions)
          .filter(({ version }) => visible.has(version))
          .map(({ version, stages, agents, expedited, supersededBy }) => {
            return { version, stages, ...(agents && { agents }), ...(expedited && { expedited }), supersededBy };
          }),
        ...(freezes.length > 0 ? { freezes } : {}),
      } satisfies StateDocument;
      return { state: exported, head: headText(snapshot) };
    },

    async apply(document, request) {
      const { actor, dryRun, ifMatch } = request;
      const snapshot = state.snapshot();
      if (typeof ifMatch === 'number' && ifMatch !== snapshot.revision) {
        throw new FairwayError(
          'revision_mismatch',
          `the state is at revision ${snapshot.revision}, not at ${ifMatch}; export it again`,
        );
      }
      const act = { by: actor.name, at: now(), reason: 'applied from a document' };
      const planned = await inTurns(plan(snapshot, document, act));
      const after = await inTurns(applyInSteps(snapshot, differenceOfWrites(planned.writes, snapshot)));
      requireReleases(document, after);
      const reading = planned.steered.length > 0 ? await fleet.read() : undefined;
      const verdicts = await inSlices(planned.steered, ({ before, channel }) => {
        const former = before?.controlPlane ?? snapshot.retired.get(channel.name)?.controlPlane ?? null;
        // A restored channel served its targets before, so they are not news to judge it by.
        const served = before?.served ?? snapshot.retired.get(channel.name)?.served ?? [];
        // A target that goes back is the way out of a bad one, as it is for a roll-back.
        const wayOut = before !== undefined && isBack(before, channel);
        const freeze = request.overrideFreeze ? ('override' as const) : undefined;
        const view = { snapshot: after, former, served, wayOut, reading, freeze, again: 'fairway apply FILE' };
        return gate.clear(before ?? null, channel, request, view);
      });
      const cleared = verdicts.flatMap((verdict) => verdict.cleared ?? []);
      const thawed = verdicts.flatMap((verdict) => verdict.thawed ?? [])[0];
      const reason = thawed ? `${act.reason} (although ${describeFreeze(thawed)})` : act.reason;
      for (const channel of planned.retooled) gate.enforceTools(channel, { snapshot: after, asker: actor });
      const changes = await inSlices(planned.writes, (write) => describe(snapshot, write));
      if (dryRun || changes.length === 0) return { changes, audit: null };
      const parts = await partsOf(planned.writes);
      const stored = new Map<string, number>();
      let audit: AuditEntry | null = null;
      for (const [nth, part] of parts.entries()) {
        const keys = new Set(part.map(({ key }) => key));
        const own = changes.filter(({ key }) => keys.has(key));
        const entry = {
          at: act.at.toISOString(),
          actor: actor.name,
          action: 'apply',
          subject: 'state',
          reason: parts.length === 1 ? reason : `${reason}, part ${nth + 1} of ${parts.length}`,
          before: Object.fromEntries(own.map(({ key, before }) => [key, before])),
          after: Object.fromEntries(own.map(({ key, after }) => [key, after])),
        };
        const has = ({ name }: { name: string }) => keys.has(channelKey(name));
        const judged = [
          ...planned.steered.filter(({ channel }) => has(channel)).map(({ channel }) => channel.target),
          ...planned.retooled.filter(has).map(({ toolsVersion }) => toolsVersion),
        ];
        const guards = releaseGuards(snapshot.releases, judged).map(({ key, ifRevision }) => {
          return { key, ifRevision: stored.get(key) ?? ifRevision };
        });
        const committed = await state
          .commit(part, entry, { guards, cleared })
          .catch((error) => Promise.reject(nth === 0 ? error : unfinished(error, nth, parts.length)));
        for (const key of keys) stored.set(key, committed.revision);
        audit = committed;
      }
      return { changes, audit };
    },
  };
}

/** The release without fixes that the reader must not know of: a mask would leave no version that could be applied. */
function withVisibleFixes({ includes, ...release }: Release, visible: ReadonlyMap<string, unknown>): Release {
  const seen = includes?.filter((version) => visible.has(version)) ?? [];
  return seen.length === 0 ? release : { ...release, includes: seen };
}

/** Bytes of changed documents in one commit. */
const MOST_AT_ONCE = 4 * 1024 * 1024;
/** Bytes in each of several commits: a busy store takes that within its deadline. */
const PART = 1024 * 1024;

/** The writes in their order, cut where one commit would be too large. */
async function partsOf(writes: readonly Write[]): Promise<Write[][]> {
  const sizes = await inSlices(writes, ({ value }) => JSON.stringify(value ?? '').length);
  if (sum(sizes) <= MOST_AT_ONCE) return [[...writes]];
  const parts: Write[][] = [];
  let size = PART;
  for (const [nth, write] of writes.entries()) {
    if (size >= PART) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(write);
    size += sizes[nth] ?? 0;
  }
  return parts;
}

function unfinished(error: unknown, done: number, parts: number): unknown {
  if (!(error instanceof FairwayError)) return error;
  const message = `${done} of ${parts} parts of the document were applied, then: ${error.message}; apply it again to go on`;
  return new FairwayError(error.code, message, { cause: error });
}

const exportControlPlane = ({ name, version, class: its, labels }: ControlPlane): ExportedControlPlane => ({
  ...{ name, version },
  ...(its === undefined ? {} : { class: its }),
  ...(labels === undefined ? {} : { labels }),
});

interface Plan {
  writes: Write[];
  /** Channels whose target or control plane may change; the gate judges them. */
  steered: { before: Channel | undefined; channel: Channel }[];
  /** Channels whose client tools get another version. */
  retooled: Channel[];
}

function* plan(snapshot: Snapshot, document: WantedState, act: Act): Steps<Plan> {
  const writes: Write[] = [];
  const steered: Plan['steered'] = [];
  const retooled: Channel[] = [];
  const at = act.at.toISOString();
  for (const wanted of document.controlPlanes ?? []) {
    yield;
    const before = snapshot.controlPlanes.get(wanted.name);
    const version = requireVersion(wanted.version).text;
    const stays = before?.version === version;
    const reported = stays ? before : reportVersions(before, wanted.name, [version], null, { by: act.by, at }).after;
    const after = withSettings(reported, wanted);
    if (stays && isDeepStrictEqual(before, after)) continue;
    writes.push(replace(controlPlaneKey(wanted.name), before, after));
    const retired = snapshot.retiredControlPlanes.get(wanted.name);
    if (retired) writes.push(replace(retiredControlPlaneKey(wanted.name), retired, null));
  }
  for (const wanted of document.releases ?? []) {
    yield;
    const before = snapshot.releases.get(wanted.version);
    const fresh = listedRelease({ version: wanted.version, cutAt: null, security: false });
    const after: Release = { ...(before ? withoutRevision(before) : fresh), ...wanted };
    const kept = before ? { ...after, ...decided(before, after) } : after;
    if (before && isDeepStrictEqual(withoutRevision(before), kept)) continue;
    writes.push(replace(releaseKey(wanted.version), before, kept));
  }
  for (const wanted of document.channels ?? []) {
    yield;
    const before = snapshot.channels.get(wanted.name);
    const retired = before ? undefined : snapshot.retired.get(wanted.name);
    const after = before ? changeChannel(before, wanted, act) : newChannel(wanted, act, retired);
    if (before && isDeepStrictEqual(withoutStamp(before), withoutStamp(after))) continue;
    writes.push(replace(channelKey(wanted.name), before, after));
    if (retired) writes.push(replace(retiredKey(wanted.name), retired, null));
    if (after.toolsVersion !== (before?.toolsVersion ?? null)) retooled.push(after);
    steered.push({ before, channel: after });
  }
  if (document.freezes) {
    const known = storedFreezes(snapshot);
    const before = known ?? NO_FREEZES;
    const after = conformFreezes(before, document.freezes, act.at);
    if (!isDeepStrictEqual(lastingAt(before, act.at), after.freezes)) writes.push(replace(FREEZES_KEY, known, after));
  }
  // After the channels: a stage that soaks is halted while its channels are not there.
  for (const wanted of document.promotions ?? []) {
    yield;
    if (snapshot.promotions.has(wanted.version)) continue;
    writes.push(replace(promotionKey(wanted.version), undefined, restorePromotion(wanted, act.at)));
  }
  return { writes, steered, retooled };
}

/**
 * What people decided about a release, and an old export must not undo: a pull and an announcement, which are never taken
 * back, and the sign-offs of its changes.
 */
function decided(before: Release, after: Release): Pick<Release, 'pulled' | 'embargoed' | 'changes'> {
  const signatures = new Map(before.changes.map(({ pr, signedOff }) => [pr, signedOff]));
  return {
    pulled: after.pulled ?? before.pulled,
    embargoed: before.embargoed && after.embargoed,
    changes: after.changes.map((change) => {
      const signedOff = signatures.get(change.pr);
      return signedOff === undefined ? change : { ...change, signedOff };
    }),
  };
}

/** Throws `invalid`. */
function requireReleases({ promotions = [] }: WantedState, { releases }: Snapshot): void {
  const lost = promotions.find(({ version }) => !releases.has(version));
  if (!lost) return;
  throw new FairwayError('invalid', `there is no release ${lost.version} to promote; add it to releases`);
}

function changeChannel(before: Channel, wanted: Partial<ChannelState>, act: Act): Channel {
  const merged = { ...before, ...withPurpose(wanted) };
  // A new target is critical only where the document says so.
  if (merged.target !== before.target) merged.critical = wanted.critical ?? null;
  const after = conform(before, merged, merged.target === null ? null : requireVersion(merged.target), act);
  if (!wanted.hold) return after;
  const scheduled = before.hold ? after.scheduled : overtake(after.scheduled, act, false);
  return { ...after, hold: wanted.hold, scheduled };
}

function newChannel(
  wanted: Partial<ChannelState> & { name: string },
  act: Act,
  retired: RetiredChannel | undefined,
): Channel {
  const target = wanted.target ? requireVersion(wanted.target).text : null;
  requireLineage(wanted, target);
  return {
    ...DEFAULT_SETTINGS,
    critical: null,
    pin: null,
    lineage: target ? [target] : [],
    ...withPurpose(wanted),
    hold: wanted.hold ?? (retired ? holdAgain(retired, act) : null),
    served: remember(retired?.served ?? [], wanted.served ?? []),
    plan: wanted.plan && continues(wanted.plan, target) ? wanted.plan : null,
    // The person who deleted the channel overtook what was to come.
    scheduled: retired ? overtake(wanted.scheduled, act, false) : brought(wanted.scheduled, act.at),
    progress: wanted.progress && wanted.rollout && wanted.progress.to === target ? wanted.progress : undefined,
    target,
    ...stamp(act),
  };
}

/** All targets that a channel of this name served, each until it last did. */
const remember = (former: ServedTarget[], wanted: ServedTarget[]): ServedTarget[] =>
  [...former.filter(({ version }) => !wanted.some((each) => each.version === version)), ...wanted].sort((a, b) =>
    a.until < b.until ? -1 : 1,
  );

/** What the verbs keep true and rely on, a document must not break. Throws `invalid`. */
function requireLineage({ name, lineage }: Partial<ChannelState>, target: string | null): void {
  if (!lineage) return;
  const ascends = lineage.every((version, i) => i === 0 || compareVersions(lineage[i - 1] as string, version) < 0);
  if (ascends && (target === null || lineage.at(-1) === target)) return;
  const end = target === null ? '' : `, and end with its target ${target}`;
  throw new FairwayError('invalid', `the lineage of ${name} must ascend${end}`);
}

function exportChannel(channel: Channel): ExportedChannel {
  const { hold, ...state } = withoutStamp(channel);
  return hold ? { ...state, hold } : state;
}

function withoutStamp(channel: Channel): ChannelState {
  // What a pull left for client tools was judged then; a document cannot bring it back.
  const { updatedAt: _at, updatedBy: _by, toolsFallback: _fallback, ...state } = channel;
  // Fields that are not set and fields that are missing are the same.
  for (const field of [
    'purpose',
    'rollout',
    'window',
    'watch',
    'freezes',
    'forgiven',
    'progress',
    'scheduled',
  ] as const)
    if (!state[field]) delete state[field];
  return withoutRevision(state) as ChannelState;
}

function describe(snapshot: Snapshot, { key, value }: Write): Difference {
  const before = snapshot.documents.get(key)?.value ?? null;
  return { key, change: before ? 'update' : 'create', before, after: value ?? {} };
}

const byKey = <T>(documents: ReadonlyMap<string, T>): T[] =>
  [...documents].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, document]) => document);
