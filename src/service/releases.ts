import { type BackportNeeds, type BackportPlan, planBackports, type Urgency } from '../domain/backport.ts';
import { BRANCH_CUTS_KEY, type BranchCut, type BranchCuts, declareCut, NO_BRANCH_CUTS } from '../domain/branch-cut.ts';
import { cloudMajors, type MajorRules, type MintInput, mintCloudVersion } from '../domain/cloud-release.ts';
import { derivedOnce } from '../domain/derived.ts';
import { planTags, type TagPlan } from '../domain/docker-tags.ts';
import { visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Page, type PageQuery, pageAfter } from '../domain/page.ts';
import { createPromotion } from '../domain/promotion.ts';
import { createRelease, digestOf, type Registration } from '../domain/registration.ts';
import { ARTIFACT_SETS, type ArtifactSet, type ArtifactState, listedRelease, type Release } from '../domain/release.ts';
import { reusedFault } from '../domain/retention.ts';
import type { Actor } from '../domain/role.ts';
import { rememberedSignOff, SIGN_OFFS_KEY } from '../domain/sign-off.ts';
import {
  guard,
  promotionKey,
  releaseKey,
  replace,
  type Snapshot,
  type Stored,
  withoutRevision,
} from '../domain/snapshot.ts';
import { type SupportWindow, supportWindow } from '../domain/support.ts';
import { compareVersions, parseVersion, readVersion, requireVersion, type VersionKind } from '../domain/version.ts';
import { explainVersion, type VersionExplanation } from '../domain/version-explanation.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { State } from './state.ts';

/** A release as a history lists it. */
export interface ListedRelease {
  version: string;
  /** `YYYY-MM-DD`. */
  date: string | null;
  security: boolean;
}

export interface ImportResult {
  received: number;
  /** New to the catalogue, or changed. */
  imported: number;
  unchanged: number;
  /** Entries whose version no agent could be served. */
  skipped: { version: string; detail: string }[];
}

export interface ReleaseFilter {
  kind?: VersionKind | undefined;
  major?: number | undefined;
  security?: boolean | undefined;
  embargoed?: boolean | undefined;
  pulled?: boolean | undefined;
  order?: 'precedence' | 'time' | undefined;
}

/** The catalogue of known releases. Actors below release-manager do not see releases under embargo. */
export interface Releases {
  /** Lists releases, newest first by precedence or by the time they were cut. */
  list(actor: Actor, filter?: ReleaseFilter): Stored<Release>[];
  page(actor: Actor, query: ReleaseFilter & PageQuery): Page<Stored<Release>>;
  /** Returns one release. Throws `not_found`. */
  read(version: string, actor: Actor): Stored<Release>;
  /** Registers a release; registering the same content again changes nothing. Throws `already_exists`, `invalid`. */
  register(registration: Registration, request: ChangeRequest): Promise<{ release: Stored<Release>; created: boolean }>;
  /** The cloud version of a commit, cut now by default, and the majors that one may have. Throws `invalid`. */
  mint(input: Omit<MintInput, 'at'> & { at?: Date | undefined }, actor: Actor): { version: string; majors: number[] };
  /** Declares that `branch/vMAJOR` was cut, which raises the major of cloud releases. Throws `invalid`. */
  cutBranch(major: number, reason: string, request: ChangeRequest): Promise<{ cuts: BranchCut[]; majors: number[] }>;
  /** Records which artifacts were built and published. Throws `not_found`, `revision_mismatch`. */
  publish(
    version: string,
    states: Partial<Record<ArtifactSet, ArtifactState | undefined>>,
    request: ChangeRequest,
  ): Promise<Stored<Release>>;
  /** Imports a release history into the catalogue, all of it or nothing. Other known releases stay. */
  import(history: ListedRelease[], actor: Actor): Promise<ImportResult>;
  support(actor: Actor): SupportWindow;
  tags(version: string, actor: Actor): TagPlan;
  explain(version: string, actor: Actor): VersionExplanation;
  /** Throws `invalid` for majors that are not supported. */
  backports(urgency: Urgency, needs: BackportNeeds, actor: Actor): BackportPlan;
}

export interface ReleasesOptions {
  state: State;
  /** The kinds of releases that are promoted from stage to stage. */
  promotes: readonly VersionKind[];
  /** Milliseconds after a branch was cut in which cloud releases of both majors are right. */
  majorOverlap: number;
  /** Milliseconds for which old releases are kept; null: always. */
  keepReleasesFor: number | null;
  now: () => Date;
}

export function createReleases(options: ReleasesOptions): Releases {
  const { state, promotes, majorOverlap, keepReleasesFor, now } = options;
  const sorted = {
    precedence: derivedOnce((releases: ReadonlyMap<string, Stored<Release>>) =>
      [...releases.values()].sort(byPrecedence),
    ),
    time: derivedOnce((releases: ReadonlyMap<string, Stored<Release>>) => [...releases.values()].sort(byTime)),
  };
  const visible = (actor: Actor) => visibleTo(state.snapshot().releases, actor);

  function list(actor: Actor, { order = 'precedence', ...filter }: ReleaseFilter = {}): Stored<Release>[] {
    return sorted[order](visible(actor)).filter((release) => passes(release, filter));
  }

  const knownCuts = () => state.snapshot().documents.get(BRANCH_CUTS_KEY);
  const rulesAt = (at: Date, cuts = (knownCuts()?.value ?? NO_BRANCH_CUTS) as BranchCuts): MajorRules => ({
    cuts,
    overlap: majorOverlap,
    at,
  });

  function read(text: string, actor: Actor): Stored<Release> {
    const { text: version } = requireVersion(text);
    const release = visible(actor).get(version);
    if (release) return release;
    throw new FairwayError('not_found', `there is no release ${version}; to list them: fairway releases`);
  }

  return {
    list,
    page: (actor, { after, limit, ...filter }) =>
      pageAfter(list(actor, filter), ({ version }) => version, { after, limit }),
    read,

    async register(registration, { actor, dryRun }) {
      const snapshot = state.snapshot();
      const at = now();
      requireSound(snapshot, registration.version);
      const { text } = requireVersion(registration.version);
      const known = snapshot.releases.get(text);
      if (known) {
        // A pipeline that is run again must not fail because of what was registered since.
        if (known.registered?.digest === digestOf(registration)) return { release: known, created: false };
        const why = known.registered
          ? 'is already registered with different content; register the fixed release under a new version'
          : 'was imported with a release history; only register releases that are cut from now on';
        throw new FairwayError('already_exists', `${text} ${why}`);
      }
      const keptSince = keepReleasesFor === null ? null : new Date(at.getTime() - keepReleasesFor);
      const reused = keptSince && reusedFault(requireVersion(text), snapshot.releases, keptSince);
      if (reused) throw new FairwayError('invalid', reused);
      const draft = createRelease(registration, snapshot.releases, { by: actor.name, ...rulesAt(at) });
      const signOffs = snapshot.signOffs;
      const changes = draft.changes.map((change) => ({ ...change, signedOff: rememberedSignOff(signOffs, change.pr) }));
      const release = { ...draft, changes };
      if (dryRun) return { release: { ...release, revision: 0 }, created: true };
      const key = releaseKey(release.version);
      const promoted = promotes.includes(requireVersion(release.version).kind);
      const writes = [replace(key, undefined, release)];
      if (promoted) {
        const fresh = createPromotion(release.version, at);
        writes.push(replace(promotionKey(release.version), snapshot.promotions.get(release.version), fresh));
      }
      const audit = { at: at.toISOString(), actor: actor.name, action: 'register', subject: key, reason: '' };
      const { revision } = await state.commit(
        writes,
        { ...audit, before: null, after: release },
        {
          // A label that arrives at this moment must also reach the new release.
          guards: [guard(SIGN_OFFS_KEY, signOffs ?? undefined)],
        },
      );
      return { release: { ...release, revision }, created: true };
    },

    mint({ at = now(), ...input }, actor) {
      const rules = rulesAt(at);
      const { text } = mintCloudVersion({ ...input, at }, visible(actor), rules);
      return { version: text, majors: cloudMajors(visible(actor), rules) };
    },

    async cutBranch(major, reason, { actor, dryRun }) {
      const at = now();
      const { releases } = state.snapshot();
      const stored = knownCuts();
      const before = (stored?.value ?? NO_BRANCH_CUTS) as BranchCuts;
      const after = declareCut(before, major, releases, { by: actor.name, at, reason });
      const { cuts } = after ?? before;
      const answer = { cuts, majors: cloudMajors(releases, rulesAt(at, { cuts })) };
      if (dryRun || after === null) return answer;
      const write = { key: BRANCH_CUTS_KEY, ifRevision: stored?.revision ?? 0, value: after };
      const audit = { at: at.toISOString(), actor: actor.name, action: 'cut-branch', subject: BRANCH_CUTS_KEY, reason };
      await state.commit([write], { ...audit, before, after });
      return answer;
    },

    async publish(version, states, { actor, ifMatch, dryRun }) {
      const before = read(version, actor);
      const key = releaseKey(before.version);
      requireRevision(key, before, ifMatch);
      const at = now();
      const artifacts = { ...before.artifacts };
      for (const set of ARTIFACT_SETS) {
        const state = states[set];
        if (state && state !== artifacts[set].state) artifacts[set] = { state, at: at.toISOString() };
      }
      const news = ARTIFACT_SETS.some((set) => artifacts[set] !== before.artifacts[set]);
      const after = { ...withoutRevision(before), artifacts } as Release;
      // Workflows repeat their reports; only news gets a revision.
      if (dryRun || !news) return { ...after, revision: before.revision };
      const change = { key, before, after, action: 'artifacts', reason: '', actor, at };
      const { revision } = await commitDocument(state, change);
      return { ...after, revision };
    },

    async import(history, actor) {
      const snapshot = state.snapshot();
      const known = snapshot.releases;
      const skipped: ImportResult['skipped'] = [];
      const changed = new Map<string, Release>();
      let unchanged = 0;
      for (const { version: text, date, security } of history) {
        const version = readVersion(text);
        if (typeof version === 'string') {
          skipped.push({ version: text, detail: version });
          continue;
        }
        const before = known.get(version.text);
        const fault = before ? undefined : snapshot.bad.get(releaseKey(version.text))?.fault;
        if (fault !== undefined) {
          skipped.push({ version: text, detail: describeDamage(version.text, fault) });
          continue;
        }
        const cutAt = before?.registered ? before.cutAt : date;
        // A list that lacks the mark takes it from no release: channels are judged by it.
        const isSecurity = security || before?.security === true;
        if (before?.cutAt === cutAt && before.security === isSecurity) unchanged++;
        else {
          const listed = { version: version.text, cutAt, security: isSecurity };
          changed.set(version.text, before ? { ...before, ...listed } : listedRelease(listed));
        }
      }
      if (changed.size > 0) {
        const writes = [...changed].map(([version, release]) =>
          replace(releaseKey(version), known.get(version), release),
        );
        await state.commit(writes, {
          at: now().toISOString(),
          actor: actor.name,
          action: 'import-releases',
          subject: 'releases',
          reason: '',
          before: null,
          after: { imported: changed.size, unchanged, skipped: skipped.length },
        });
      }
      return { received: history.length, imported: changed.size, unchanged, skipped };
    },

    support: (actor) => supportWindow(visible(actor)),
    tags: (version, actor) => planTags(requireVersion(read(version, actor).version), visible(actor)),
    explain: (version, actor) => explainVersion(requireVersion(version), visible(actor)),
    backports: (urgency, needs, actor) => planBackports(visible(actor).values(), urgency, needs),
  };
}

/** A release that cannot be read may have been pulled, so neither a history nor a pipeline replaces it. */
function requireSound({ bad, releases }: Snapshot, text: string): void {
  const version = parseVersion(text)?.text ?? text;
  const fault = releases.has(version) ? undefined : bad.get(releaseKey(version))?.fault;
  if (fault !== undefined) throw new FairwayError('already_exists', describeDamage(version, fault));
}

const describeDamage = (version: string, fault: string) =>
  `release ${version} is damaged in the store (${fault}); restore it from an export with fairway apply`;

function passes(release: Release, { kind, major, security, embargoed, pulled }: ReleaseFilter): boolean {
  const version = requireVersion(release.version);
  return (
    (kind === undefined || version.kind === kind) &&
    (major === undefined || version.major === major) &&
    (security === undefined || release.security === security) &&
    (embargoed === undefined || release.embargoed === embargoed) &&
    (pulled === undefined || (release.pulled !== null) === pulled)
  );
}

const byPrecedence = (a: Release, b: Release) => compareVersions(b.version, a.version);

/** Newest first; releases without a known time come last. */
const byTime = (a: Release, b: Release) =>
  Date.parse(b.cutAt ?? '0000-01-01') - Date.parse(a.cutAt ?? '0000-01-01') || byPrecedence(a, b);
