import { FARTHEST } from './duration.ts';
import { FairwayError } from './errors.ts';
import { isMachine, type Role } from './role.ts';
import { clock, shortened, who } from './words.ts';

/** The verbs that may be scheduled: those that move a target or take it away. Marks have an end of their own. */
export const SCHEDULED_VERBS = ['roll-forward', 'roll-back', 'pin', 'withdraw'] as const;
export type ScheduledVerb = (typeof SCHEDULED_VERBS)[number];

export const isSchedulable = (verb: string): verb is ScheduledVerb =>
  (SCHEDULED_VERBS as readonly string[]).includes(verb);

/**
 * Why a change was not carried out: no server was there at its time, it did not pass, or a person took the channel
 * elsewhere in the meantime.
 */
export const UNDONE_STATES = ['missed', 'refused', 'overtaken'] as const;
export type UndoneState = (typeof UNDONE_STATES)[number];

/** What a verb that moves a channel takes, now or at a time to come. */
export interface MoveInput {
  version?: string | undefined;
  critical?: boolean | undefined;
  /** ISO 8601. */
  until?: string | undefined;
  /** Go there in steps across majors, each when it strands no agent. */
  stepped?: boolean | undefined;
  /** Go there at once, although the channel has groups. */
  immediate?: boolean | undefined;
  /** Move it although a freeze holds; for admins. */
  overrideFreeze?: boolean | undefined;
}

/** A change of a channel that a person asked for at a time to come. Times are ISO 8601. */
export interface ScheduledChange {
  id: string;
  verb: ScheduledVerb;
  /** When it is to be carried out. */
  at: string;
  /** A roll-back names its version, also where the person did not. */
  input: MoveInput;
  reason: string;
  by: string;
  /** The role that they had. */
  role: Role;
  acceptedAt: string;
  /** Unset while it waits; one that was carried out is gone. */
  undone?: { state: UndoneState; at: string; reason: string } | undefined;
}

type Scheduled = readonly ScheduledChange[] | undefined;

/** Changes of one channel, and of all channels, that may wait at once. */
export const MAX_SCHEDULED = { channel: 10, all: 1_000 };
/** Milliseconds for which a change that was not carried out is shown, unless a person acknowledges it. */
const SHOWN_FOR = 7 * 24 * 60 * 60 * 1_000;

export const isWaiting = ({ undone }: ScheduledChange): boolean => !undone;

/** The time of a change that is accepted at `now`. Throws `invalid` if it is past, or more than a year ahead. */
export function requireTime(text: string, now: Date): Date {
  const at = new Date(text);
  if (!(at.getTime() > now.getTime())) {
    throw new FairwayError('invalid', `at must lie in the future, and ${text} does not; to do it now, leave at out`);
  }
  if (at.getTime() - now.getTime() <= FARTHEST) return at;
  throw new FairwayError('invalid', `at must be within a year from now, and ${text} is not`);
}

/** Those that wait, and those that were not carried out in the last days. */
export const shownAt = (scheduled: Scheduled, now: Date): ScheduledChange[] =>
  (scheduled ?? []).filter(({ undone }) => !undone || now.getTime() - Date.parse(undone.at) < SHOWN_FOR);

/** The changes with one more, by their time. Throws `invalid` where too many wait. */
export function addScheduled(scheduled: Scheduled, change: ScheduledChange, now: Date): ScheduledChange[] {
  const all = shownAt(scheduled, now);
  if (all.filter(isWaiting).length >= MAX_SCHEDULED.channel) {
    const most = `${MAX_SCHEDULED.channel} changes of this channel are scheduled already`;
    throw new FairwayError('invalid', `${most}; to cancel one: fairway scheduled cancel ID`);
  }
  return [...all, change].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** The changes without one. */
export const withoutScheduled = (scheduled: Scheduled, id: string): ScheduledChange[] | undefined =>
  orNone((scheduled ?? []).filter((each) => each.id !== id));

/** Characters of the reason why a change was not carried out: a refusal may name hundreds of versions. */
export const MAX_UNDONE_REASON = 2_000;

/** The changes, one of which is not carried out. A reason that is too long for the document is cut. */
export function undo(
  scheduled: Scheduled,
  id: string,
  { reason, ...rest }: NonNullable<ScheduledChange['undone']>,
): ScheduledChange[] {
  const undone = { ...rest, reason: shortened(reason, MAX_UNDONE_REASON) };
  return latest((scheduled ?? []).map((each) => (each.id === id ? { ...each, undone } : each)));
}

/** Who does what to a channel; `decidedAt` is when a scheduled act was accepted, and unset for any other. */
interface Doing {
  by: string;
  at: Date;
  reason: string;
  decidedAt?: Date | undefined;
}

/**
 * The changes after a person's act, which overtakes those that were accepted before it was decided: no machine undoes
 * what a person did. A move forward leaves moves forward to come; what goes back, is pinned or withdrawn leaves none.
 */
export function overtake(scheduled: Scheduled, act: Doing, isForward: boolean): ScheduledChange[] | undefined {
  if (!scheduled || isMachine(act.by)) return scheduled && [...scheduled];
  // Whatever waits was accepted before an act of now, also where a clock says otherwise.
  const decided = act.decidedAt?.getTime() ?? Number.POSITIVE_INFINITY;
  const undone = {
    state: 'overtaken' as const,
    at: act.at.toISOString(),
    reason: `${who(act.by)} changed the channel: ${act.reason}`,
  };
  return orNone(
    latest(
      scheduled.map((change) => {
        const goesOn = isForward && change.verb === 'roll-forward';
        return change.undone || goesOn || Date.parse(change.acceptedAt) > decided ? change : { ...change, undone };
      }),
    ),
  );
}

/** The changes that a document brings at `now`. It does not raise what was due before. */
export const brought = (scheduled: Scheduled, now: Date): ScheduledChange[] | undefined =>
  scheduled?.map((change) => {
    if (change.undone || Date.parse(change.at) > now.getTime()) return change;
    const reason = 'its time was over when a document brought it';
    return { ...change, undone: { state: 'missed', at: now.toISOString(), reason } };
  });

/** Bounds the document: all that wait, and the latest of the others. */
function latest(changes: ScheduledChange[]): ScheduledChange[] {
  const undone = changes.filter((change) => !isWaiting(change));
  const dropped = new Set(undone.slice(0, Math.max(undone.length - MAX_SCHEDULED.channel, 0)));
  return changes.filter((change) => !dropped.has(change));
}

const orNone = <T>(items: T[]): T[] | undefined => (items.length > 0 ? items : undefined);

/** `roll-forward to 16.4.8 at 2026-12-01 02:00 UTC` */
export const describeScheduled = ({ verb, input, at }: ScheduledChange): string =>
  `${verb}${input.version ? ` ${verb === 'pin' ? 'at' : 'to'} ${input.version}` : ''} at ${clock(at)}`;

/** The command that does the same at once. */
export function commandOf(channel: string, { verb, input, reason }: ScheduledChange): string {
  const { version, critical, stepped, immediate, overrideFreeze, until } = input;
  const flags = { critical, stepped, immediate, 'override-freeze': overrideFreeze };
  const set = Object.entries(flags).flatMap(([name, isSet]) => (isSet ? [`--${name}`] : []));
  const words = [verb, channel, ...(version ? [version] : []), ...set, ...(until ? ['--until', until] : [])];
  return `fairway ${words.join(' ')} --reason ${quoted(reason)}`;
}

/** One word for a shell. What a person wrote must not run when another one copies the command. */
const quoted = (text: string): string =>
  /[$`\\!\n\r]/.test(text) ? `'${text.replaceAll(/\s+/g, ' ').replaceAll("'", "'\\''")}'` : JSON.stringify(text);
