import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { AuditEntry } from '../domain/audit.ts';
import { previousTarget, stamp } from '../domain/channel.ts';
import type { Report } from '../domain/compatibility.ts';
import { derivedOnce } from '../domain/derived.ts';
import { duration } from '../domain/duration.ts';
import { type ErrorCode, FairwayError } from '../domain/errors.ts';
import { NO_FREEZES } from '../domain/global-freeze.ts';
import { type Page, type PageQuery, pageAfter } from '../domain/page.ts';
import { type Actor, ROLES, type Role, requirePermission } from '../domain/role.ts';
import {
  addScheduled,
  commandOf,
  describeScheduled,
  isWaiting,
  MAX_SCHEDULED,
  requireTime,
  type ScheduledChange,
  type ScheduledVerb,
  shownAt,
  type UndoneState,
  undo,
  withoutScheduled,
} from '../domain/schedule.ts';
import { barredBy, isFrozenSince } from '../domain/schedule-bar.ts';
import { channelKey, requireChannel, type Snapshot, storedFreezes } from '../domain/snapshot.ts';
import { requireVersion } from '../domain/version.ts';
import { clock, who } from '../domain/words.ts';
import { countWarnings } from '../process/warnings.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { Channels, PresentChannel, VerbInput } from './channels.ts';
import type { State } from './state.ts';

/** A scheduled change with its channel. */
export type ListedChange = ScheduledChange & { channel: string };

export interface ScheduleResult {
  /** The channel; on a dry run as the change would leave it. */
  channel: PresentChannel;
  /** The gate's verdict, as of now. */
  report: Report | null;
  scheduled: ListedChange;
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

/** Changes of channels at a time to come. */
export interface Schedules {
  /** Those that wait, and those of late that were not carried out, by their time. */
  page(query: PageQuery & { channel?: string | undefined }): Page<ListedChange>;
  /** Throws `not_found`. */
  read(id: string): ListedChange;
  /**
   * Accepts a change for `at` (ISO 8601), if the channel could make it now: `refused` and the other refusals of the
   * verb. Pins and freezes are judged as of `at`. Throws `invalid` for a time that is not one, and where too many wait.
   */
  accept(
    channel: string,
    verb: ScheduledVerb,
    input: VerbInput & { at: string },
    request: ChangeRequest,
  ): Promise<ScheduleResult>;
  /** Takes a change back, or acknowledges that it was not carried out. Throws `not_found`. */
  cancel(id: string, reason: string, request: ChangeRequest): Promise<void>;
  /** Carries out what is due. */
  advance(fence: number): Promise<void>;
}

/** Counts what became of changes, for Prometheus. */
export interface ScheduleObserver {
  scheduledChange(outcome: 'done' | UndoneState): void;
}

export interface SchedulesOptions {
  state: State;
  channels: Pick<Channels, 'act' | 'read'>;
  /** The tokens of the settings: who asked must still have one. */
  tokens: readonly { name: string; role: Role; expires?: string | undefined }[];
  /** Milliseconds after its time within which a change is still carried out. */
  lateBy: number;
  observer: ScheduleObserver;
  now: () => Date;
  log: Logger;
}

const ACTOR: Actor = { name: 'system:schedule', role: 'operator' };
/** Errors after which the change is tried again, until it is too late: they say nothing about it. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['revision_mismatch', 'store_unavailable', 'internal']);

/** Keeps changes for later, and carries them out in the name of those who asked. */
export function createSchedules({ state, channels, tokens, lateBy, observer, now, log }: SchedulesOptions): Schedules {
  const warn = countWarnings(log);
  const all = derivedOnce((known: Snapshot['channels']) =>
    [...known.values()]
      .flatMap(({ name, scheduled }) => (scheduled ?? []).map((change) => ({ channel: name, ...change })))
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
  );
  const list = (): ListedChange[] => shownAt(all(state.snapshot().channels), now()) as ListedChange[];

  function read(id: string): ListedChange {
    const found = list().find((change) => change.id === id);
    if (found) return found;
    throw new FairwayError('not_found', `there is no scheduled change ${id}; to list them: fairway scheduled`);
  }

  /** The actor of a change as they are now, never with a higher role than when they asked. Throws `forbidden`. */
  function actorOf({ by, role }: ScheduledChange, at: Date): Actor {
    const token = tokens.find(({ name }) => `token:${name}` === by);
    if (!token) throw new FairwayError('forbidden', `${who(by)} is not known any more`);
    if (token.expires && Date.parse(token.expires) <= at.getTime())
      throw new FairwayError('forbidden', `${who(by)} expired at ${clock(token.expires)}`);
    return { name: by, role: ROLES.indexOf(token.role) < ROLES.indexOf(role) ? token.role : role };
  }

  async function carryOut({ channel: name, ...change }: ListedChange, fence: number): Promise<void> {
    const at = now();
    const late = at.getTime() - Date.parse(change.at);
    const channel = requireChannel(state.snapshot(), name);
    if (late > lateBy) {
      const why = `it was due at ${clock(change.at)}, and no server could carry it out within ${duration(lateBy / 1_000)}`;
      return leave(name, change, 'missed', `${why}; to do it now: ${commandOf(name, change)}`, fence);
    }
    try {
      const actor = actorOf(change, at);
      requirePermission(actor, change.verb);
      const bar = barredBy(channel, change);
      if (bar !== null) throw new FairwayError('refused', bar);
      const isFrozen = isFrozenSince(storedFreezes(state.snapshot()) ?? NO_FREEZES, change, at);
      const overrideFreeze = change.input.overrideFreeze && !isFrozen;
      const input = { ...change.input, overrideFreeze, reason: change.reason };
      await channels.act(
        name,
        change.verb,
        input,
        { actor, ifMatch: null, dryRun: false, fence },
        { carriesOut: change },
      );
    } catch (error) {
      if (!(error instanceof FairwayError) || PASSING.has(error.code)) throw error;
      return leave(name, change, 'refused', error.message, fence);
    }
    observer.scheduledChange('done');
    log.info({ channel: name, change: change.id, by: change.by }, `carried out: ${describeScheduled(change)}`);
  }

  /** Says that the change is not carried out, and why. */
  async function leave(name: string, change: ScheduledChange, is: UndoneState, reason: string, fence: number) {
    const at = now();
    const before = requireChannel(state.snapshot(), name);
    const undone = { state: is, at: at.toISOString(), reason };
    const scheduled = undo(before.scheduled, change.id, undone);
    const after = { ...before, scheduled, ...stamp({ by: ACTOR.name, at, reason }) };
    const entry = { before: { scheduled: change }, after: { scheduled: { ...change, undone } } };
    const words = `${describeScheduled(change)}, scheduled by ${who(change.by)}: ${reason}`;
    const act = { action: `schedule-${is}`, reason: words, actor: ACTOR, at, fence, entry };
    await commitDocument(state, { key: channelKey(name), before, after, ...act });
    observer.scheduledChange(is);
    log.warn({ channel: name, change: change.id, by: change.by }, `a scheduled change was ${is}: ${words}`);
  }

  return {
    read,
    page({ channel, ...query }) {
      const found = list().filter((change) => channel === undefined || change.channel === channel);
      return pageAfter(found, ({ id }) => id, query);
    },

    async accept(name, verb, { at: text, acceptStranding, ...input }, request) {
      const at = now();
      const before = requireChannel(state.snapshot(), name);
      requireRevision(channelKey(name), before, request.ifMatch);
      const moment = requireTime(text, at);
      if (acceptStranding !== undefined) {
        const why = 'the number of stranded agents counts for now only; leave out at or acceptStranding';
        throw new FairwayError('invalid', why);
      }
      const waiting = all(state.snapshot().channels).filter(isWaiting).length;
      if (waiting >= MAX_SCHEDULED.all) {
        throw new FairwayError('invalid', `${waiting} changes are scheduled already; to list them: fairway scheduled`);
      }
      const { reason, version, ...how } = input;
      const named = version ?? (verb === 'roll-back' ? previousTarget(before) : undefined);
      const fixed = named === undefined ? {} : { version: requireVersion(named).text };
      const preview = await channels.act(
        name,
        verb,
        { reason, ...how, ...fixed },
        { ...request, dryRun: true },
        { moment },
      );
      const { name: by, role } = request.actor;
      const change: ScheduledChange = {
        ...{ id: idOf(name, before.revision), verb, at: moment.toISOString(), input: { ...fixed, ...set(how) } },
        ...{ reason, by, role, acceptedAt: at.toISOString() },
      };
      const scheduled = addScheduled(before.scheduled, change, at);
      const listed = { channel: name, ...change };
      if (request.dryRun) return { ...preview, scheduled: listed, audit: null };
      const after = { ...before, scheduled, ...stamp({ by, at, reason }) };
      const entry = { before: null, after: { scheduled: change } };
      const act = { action: 'schedule', reason: `${reason} (${describeScheduled(change)})`, actor: request.actor, at };
      const audit = await commitDocument(state, { key: channelKey(name), before, after, ...act, entry });
      return { channel: channels.read(name), report: preview.report, scheduled: listed, audit };
    },

    async cancel(id, reason, { actor, dryRun }) {
      const { channel: name, ...change } = read(id);
      if (dryRun) return;
      const before = requireChannel(state.snapshot(), name);
      const at = now();
      const scheduled = withoutScheduled(before.scheduled, id);
      const after = { ...before, scheduled, ...stamp({ by: actor.name, at, reason }) };
      const action = isWaiting(change) ? 'unschedule' : 'acknowledge-schedule';
      const entry = { before: { scheduled: change }, after: null };
      const words = `${reason} (${describeScheduled(change)})`;
      await commitDocument(state, { key: channelKey(name), before, after, action, reason: words, actor, at, entry });
    },

    async advance(fence) {
      if (state.storeState().is !== 'up') return;
      const due = list().filter((change) => isWaiting(change) && Date.parse(change.at) <= now().getTime());
      for (const change of due) {
        await carryOut(change, fence).catch((error) => {
          // Someone else changed the channel, or another server leads: the next round sees what is now.
          if (error instanceof FairwayError && error.code === 'revision_mismatch') return;
          const fields = { err: error, channel: change.channel };
          warn(fields, 'a scheduled change could not be carried out; it will be tried again');
        });
      }
    },
  };
}

/** No two changes of a channel are accepted at the same revision of it. */
const idOf = (channel: string, revision: number): string =>
  createHash('sha256').update(`${channel}:${revision}`).digest('hex').slice(0, 12);

/** The fields that say something. */
const set = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
