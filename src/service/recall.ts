import { type Act, type Channel, releaseTools, retreat, rollForward, withToolsFallback } from '../domain/channel.ts';
import { derivedOnce } from '../domain/derived.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeFreeze } from '../domain/freeze.ts';
import type { Stage } from '../domain/promotion.ts';
import { stepCurrent } from '../domain/promotion-halves.ts';
import type { Release } from '../domain/release.ts';
import {
  applyWrites,
  channelKey,
  promotionKey,
  releaseKey,
  replace,
  requireChannel,
  type Snapshot,
  type Stored,
  withoutRevision,
} from '../domain/snapshot.ts';
import type { Write } from '../domain/store.ts';
import { compareVersions, requireVersion, type Version } from '../domain/version.ts';
import { inSlices } from '../process/turns.ts';
import { type ChangeRequest, requireRevision, retryOnConflict, targetGuards } from './change.ts';
import type { ChannelObserver } from './channels.ts';
import type { Cleared } from './cleared.ts';
import type { Fleet, FleetReading } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { Releases } from './releases.ts';
import type { State } from './state.ts';

export interface ChannelMove {
  channel: string;
  from: string | null;
  /** Null: nothing to go to, so the channel was withdrawn. */
  to: string | null;
  detail: string;
}

export interface RecallResult {
  release: Stored<Release>;
  channels: ChannelMove[];
}

/** Up to `most` moves, those of channels that have nothing to go to before the others, and how many there are. */
export function firstMoves(moves: readonly ChannelMove[], most: number) {
  const isWithdrawn = ({ from, to }: ChannelMove) => from !== null && to === null;
  const withdrawn = moves.filter(isWithdrawn);
  const channels = [...withdrawn, ...moves.filter((each) => !isWithdrawn(each))].slice(0, most);
  return { total: moves.length, withdrawn: withdrawn.length, channels };
}

/** Changes of a release that move channels in the same commit. */
export interface Recall {
  /** Withdraws a bad release (RFD 134, Rollbacks). Again: moves whatever still serves it. */
  pull(
    version: string,
    input: { reason: string; critical?: boolean | undefined },
    request: ChangeRequest,
  ): Promise<RecallResult>;
  /** Makes a release public, and rolls the named channels forward to it. Throws `refused`, `channel_pinned`. */
  liftEmbargo(
    version: string,
    input: {
      reason: string;
      channels?: string[] | undefined;
      critical?: boolean | undefined;
      /** Move them although a freeze holds; for admins. */
      overrideFreeze?: boolean | undefined;
    },
    request: ChangeRequest,
  ): Promise<RecallResult>;
  /**
   * Moves channels that still serve a pulled release, for instance one that was created while the pull was committed.
   */
  sweep(fence: number): Promise<void>;
}

export interface RecallOptions {
  state: State;
  gate: Gate;
  fleet: Pick<Fleet, 'read'>;
  releases: Pick<Releases, 'read'>;
  stages: readonly Stage[];
  observer: ChannelObserver;
  now: () => Date;
}

const SYSTEM: ChangeRequest = { actor: { name: 'system:recall', role: 'admin' }, ifMatch: null, dryRun: false };

export function createRecall({ state, gate, fleet, releases, stages, observer, now }: RecallOptions): Recall {
  interface Moved {
    before: Stored<Channel>;
    after: Channel;
    detail: string;
    cleared: Cleared | null;
  }

  /** A change of a release and of the channels that move with it, made in one commit. */
  interface PendingChange {
    action: string;
    snapshot: Snapshot;
    before: Stored<Release>;
    after: Release;
    moved: Moved[];
    /** Writes of other documents. */
    more?: Write[];
    act: Act;
  }

  /** The newest earlier target of the channel that the gate lets it go back to. */
  async function findRefuge(channel: Channel, bad: Version, reading: FleetReading): Promise<Version | null> {
    for (const text of channel.lineage.toReversed()) {
      const version = requireVersion(text);
      if (compareVersions(version, bad) >= 0) continue;
      if ((await gate.assess(channel, version, { wayOut: true, reading })).allowed) return version;
    }
    return null;
  }

  /** All channels are judged by one reading, however many there are. */
  async function retreats({ channels }: Snapshot, bad: Version, critical: boolean, act: Act): Promise<Moved[]> {
    const affected = [...channels.values()].filter((channel) => serves(channel, bad.text));
    if (affected.length === 0) return [];
    const reading = await fleet.read();
    return inSlices(affected, async (before) => {
      const details: string[] = [];
      let after: Channel = before;
      let cleared: Cleared | null = null;
      if (before.target === bad.text) {
        const refuge = await findRefuge(before, bad, reading);
        after = retreat(before, refuge, critical, act);
        ({ cleared } = await gate.clear(before, after, SYSTEM, { wayOut: true, reading, freeze: 'ignore' }));
        details.push(
          refuge
            ? `back to ${refuge.text}, the newest earlier target that the gate allows`
            : 'withdrawn: no earlier target passes the gate, so agents stay where they are',
        );
      }
      if (before.toolsVersion === bad.text) after = releaseTools(after, act);
      if (after.target === null && !after.toolsVersion) {
        const fallback = gate.toolsFallback(before, bad);
        after = withToolsFallback(after, fallback);
        const why = ', the newest earlier release that the control plane accepts';
        details.push(`client tools get ${fallback ? `${fallback.text}${why}` : 'none'}`);
      } else if (before.toolsVersion === bad.text) {
        details.push(`client tools get the target again: ${after.target ?? 'none'}`);
      }
      return { before, after, detail: details.join('; '), cleared };
    });
  }

  async function commitMoves(change: PendingChange, { actor, dryRun, fence }: ChangeRequest): Promise<RecallResult> {
    const { action, snapshot, before, after, moved, more = [], act } = change;
    const changes = await inSlices(moved, (each) => ({
      move: { channel: each.after.name, from: each.before.target, to: each.after.target, detail: each.detail },
      write: replace(channelKey(each.after.name), each.before, each.after),
      short: [shortOf(each.before), shortOf(each.after)] as const,
    }));
    const channels = changes.map(({ move }) => move);
    if (dryRun) return { release: { ...after, revision: before.revision }, channels };
    const key = releaseKey(before.version);
    const others = moved.map((each) => each.after).filter(({ target }) => target !== before.version);
    const { revision } = await state.commit(
      [replace(key, before, after), ...changes.map(({ write }) => write), ...more],
      {
        at: act.at.toISOString(),
        actor: actor.name,
        action,
        subject: key,
        reason: act.reason,
        before: { release: withoutRevision(before), channels: changes.map(({ short }) => short[0]) },
        after: { release: withoutRevision(after), channels: changes.map(({ short }) => short[1]) },
      },
      {
        fence,
        guards: targetGuards(snapshot.releases, ...others),
        cleared: moved.flatMap((each) => each.cleared ?? []),
      },
    );
    for (const { channel, from, to } of channels) if (from !== to) observer.targetChanged(channel, action);
    return { release: { ...after, revision }, channels };
  }

  /** A pulled release goes no further, without anyone having to halt it. */
  function haltPromotion({ promotions }: Snapshot, version: string, act: Act): Write[] {
    const before = promotions.get(version);
    if (!before) return [];
    const after = stepCurrent(before, stages, 'halt', () => ({ ...act, reason: `pulled: ${act.reason}` }));
    return after === before ? [] : [replace(promotionKey(version), before, after)];
  }

  const pullOnce: Recall['pull'] = (text, { reason, critical = false }, request) =>
    retryOnConflict(request, async () => {
      const snapshot = state.snapshot();
      const before = releases.read(text, request.actor);
      requireRevision(releaseKey(before.version), before, request.ifMatch);
      const act = { by: request.actor.name, at: now(), reason };
      const pulled = before.pulled ?? { reason, by: act.by, at: act.at.toISOString() };
      const moved = await retreats(snapshot, requireVersion(before.version), critical, act);
      if (before.pulled && moved.length === 0) return { release: before, channels: [] };
      const more = before.pulled ? [] : haltPromotion(snapshot, before.version, act);
      const after = { ...before, pulled };
      return commitMoves({ action: 'pull', snapshot, before, after, moved, more, act }, request);
    });

  const pull: Recall['pull'] = async (text, input, request) => {
    const result = await pullOnce(text, input, request);
    const { version } = result.release;
    const left = () => [...state.snapshot().channels.values()].some((channel) => serves(channel, version));
    // A channel that moved to it in the moment before. None can come after: moves are held to the release's revision.
    if (request.dryRun || !left()) return result;
    const rest = await pullOnce(text, input, { ...request, ifMatch: null });
    return { release: rest.release, channels: [...result.channels, ...rest.channels] };
  };

  return {
    pull,

    async liftEmbargo(text, { reason, channels = [], critical = false, overrideFreeze = false }, request) {
      const snapshot = state.snapshot();
      const before = releases.read(text, request.actor);
      requireRevision(releaseKey(before.version), before, request.ifMatch);
      if (!before.embargoed) throw new FairwayError('refused', `${before.version} is not under embargo`);
      if (critical && channels.length === 0) {
        throw new FairwayError('invalid', 'critical marks the channels that go to it; name them in channels');
      }
      let act = { by: request.actor.name, at: now(), reason };
      const target = requireVersion(before.version);
      const after = { ...before, embargoed: false };
      const key = releaseKey(before.version);
      const lifted = applyWrites(snapshot, [replace(key, before, after)], snapshot);
      const moved: Moved[] = [];
      const reading = channels.length > 0 ? await fleet.read() : undefined;
      for (const name of new Set(channels)) {
        const channel = requireChannel(snapshot, name);
        const forward = rollForward(channel, target, critical, act);
        const freeze = overrideFreeze ? ('override' as const) : undefined;
        const again = `fairway releases lift-embargo ${target.text} --channel ${name}`;
        const view = { snapshot: lifted, reading, freeze, again };
        const { cleared, thawed } = await gate.clear(channel, forward, request, view);
        if (thawed) act = { ...act, reason: `${reason} (although ${describeFreeze(thawed)})` };
        moved.push({ before: channel, after: forward, detail: `forward to ${target.text}`, cleared });
      }
      return commitMoves({ action: 'lift-embargo', snapshot, before, after, moved, act }, request);
    },

    async sweep(fence) {
      const { channels, releases: known } = state.snapshot();
      for (const version of versionsServedBy(channels)) {
        const pulled = known.get(version)?.pulled;
        if (pulled) await pull(version, { reason: pulled.reason }, { ...SYSTEM, fence });
      }
    },
  };
}

/** The versions that agents and client tools get. */
const versionsServedBy = derivedOnce((channels: Snapshot['channels']) => {
  const versions = new Set<string>();
  for (const { target, toolsVersion, toolsFallback } of channels.values()) {
    for (const version of [target, toolsVersion, toolsFallback]) if (version) versions.add(version);
  }
  return versions;
});

/** Does the channel serve `version` to its agents or client tools? */
const serves = ({ target, toolsVersion, toolsFallback }: Channel, version: string) =>
  [target, toolsVersion, toolsFallback].includes(version);

/** The audit's short form: name, target and, where one is set, the version of client tools. */
const shortOf = ({ name, target, toolsVersion }: Channel) =>
  toolsVersion ? [name, target, { toolsVersion }] : [name, target];
