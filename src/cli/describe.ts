import { duration } from '../domain/duration.ts';
import { clearsCritical, number, who } from '../domain/words.ts';
import { agents, type Cell, painted } from './layout.ts';
import type { AuditEntry, Census, Evidence, Hold, Mark, Plan, ScheduledChange, VersionCount } from './types.ts';

/** `2026-11-22T18:00:00.000Z` as `2026-11-22 18:00:00 UTC`. */
export const time = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Who marked or held a channel, why, and for how long. */
export function mark({ by, reason, at, ...rest }: Mark | Hold): string {
  const until = 'until' in rest && rest.until;
  return `since ${time(at)}${until ? ` until ${time(until)}` : ''} by ${who(by)}, reason: ${reason}`;
}

/** The action of an audit entry; clearing a critical mark is named as its command is. */
export const actionOf = (entry: AuditEntry): string => (clearsCritical(entry) ? 'critical off' : entry.action);

/** What a scheduled change does: `roll-forward to 16.4.8`. */
export const does = ({ verb, input: { version } }: ScheduledChange): string =>
  version ? `${verb} ${verb === 'pin' ? 'at' : 'to'} ${version}` : verb;

/** Does it wait, or why was it not carried out? */
export const stateOf = ({ undone }: ScheduledChange): string =>
  undone ? `${undone.state}: ${undone.reason}` : 'waits';

/** What every list of channels shows when there are none. */
export const NO_CHANNELS = 'no channels yet; describe one in a file, then: fairway apply FILE';

/** The steps of a plan that are still to come. */
export const stepsToCome = ({ route, step }: Plan): string => route.slice(step + 1).join(', ');

/** The lowest version and how many agents run it. */
export const oldest = ({ version, count }: VersionCount): string => `${version} (${agents(count)})`;

/** One line about a source: what it knows, how old that is, and how far it is believed. */
export function evidence(account: Evidence): Cell {
  const { source, agents: known, skipped, oldest: lowest, age, settling, failing } = account;
  if (source === 'presumed')
    return `presumed: ${agents(known)}, one for each recently served version, because no source confirms the count`;
  const parts = [
    `${source}: ${agents(known)}`,
    ...(lowest ? [`oldest ${lowest.version}`] : []),
    ...(skipped > 0 ? [`${number(skipped)} unreadable`] : []),
    ...(age === null ? [] : [`${duration(age)} old`]),
    belief(account),
    ...(settling ? [describeFall(settling)] : []),
    ...(failing ? [describeFailure(failing)] : []),
  ];
  const text = parts.join(', ');
  return isDoubtful(account) ? painted(text, 'yellow') : text;
}

/** Is there a reason not to rest a verdict on the source? */
export const isDoubtful = ({ complete, fresh, settling, failing }: Evidence): boolean =>
  (complete && !fresh) || settling !== null || failing !== null;

function belief({ complete, fresh }: Evidence): string {
  if (!complete) return 'not complete';
  return fresh ? 'complete and fresh' : 'complete, but too old to allow anything';
}

export const describeFall = ({ from, to, since }: NonNullable<Evidence['settling']>): string =>
  `settling since ${time(since)}: it fell from ${number(from)} to ${number(to)}`;

export const describeFailure = ({ since, fault }: NonNullable<Evidence['failing']>): string =>
  `failing since ${time(since)}: ${fault}`;

/** Agents in trouble are red, none is a plain zero. */
export const alarming = (amount: number): Cell =>
  amount > 0 ? { text: number(amount), style: 'red', numeric: true } : amount;

/** What sets some of the agents of a census apart, without the zeros. */
export function oddities(census: Census): string[] {
  const { unreadable, contested, reverted, expired, updaterStates, unenrolled, unmanaged } = census;
  const parts: [number, string][] = [
    [unreadable, 'with a version that cannot be read'],
    [contested, 'contested'],
    [reverted, 'reverted'],
    [updaterStates.pinned, 'pinned on their host'],
    [updaterStates.disabled, 'with a disabled updater'],
    [updaterStates.unreadable, 'with an unreadable updater'],
    [updaterStates.failing, 'with a failing updater'],
    [expired, 'expired, not counted'],
    [unenrolled, 'without an enrolment token, not counted'],
    [unmanaged, 'without an updater, not counted'],
  ];
  return parts.flatMap(([amount, what]) => (amount > 0 ? [`${number(amount)} ${what}`] : []));
}

/** What the watch of a move cannot see; a server of an earlier release does not say. */
export const watchRows = (watch: Census['watch'] | undefined): [string, Cell | Cell[]][] =>
  watch && watch.blind.length > 0 ? [['not watched', watch.blind]] : [];

/** Rows about agents that need a look: those that the target strands, and other oddities. */
export function troubleRows(census: Census): [string, Cell | Cell[]][] {
  const { target, stranded, cutOff, unmappedGroups, uncounted, watch } = census;
  const odd = oddities(census);
  const groups = unmappedGroups.map(({ group, count: amount }) => `${group}: ${agents(amount)}`);
  return [
    ...(target === null ? [] : [['stranded', alarming(stranded)] as [string, Cell]]),
    ...(cutOff > 0 ? [['cut off', alarming(cutOff)] as [string, Cell]] : []),
    ...(odd.length > 0 ? [['of note', odd] as [string, Cell[]]] : []),
    ...(groups.length > 0 ? [['no channel', groups] as [string, Cell[]]] : []),
    ...(uncounted.length > 0 ? [['not counted', describeUncounted(uncounted)] as [string, Cell]] : []),
    ...watchRows(watch),
  ];
}

const describeUncounted = (lines: string[]): Cell =>
  painted(
    `check-ins at ${lines.join(', ')} were too many to be counted; see fleet.maxAgents and fleet.maxPending`,
    'red',
  );
