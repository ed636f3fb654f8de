import { compareAgentVersions, higherVersion, lowerVersion, UNREADABLE } from './agent-version.ts';

/** How an agent upgrades itself (`Updater-Kind`, `ext_upgrader`). */
export const UPDATER_KINDS = ['unit', 'kube', 'binary'] as const;
export type UpdaterKind = (typeof UPDATER_KINDS)[number];

/**
 * What a v2 updater reports about itself in an inventory (`updater_status`); `failing`: it is neither disabled nor
 * pinned, and its last update ended with an error (`error_code`). Their first letters differ.
 */
export const UPDATER_STATES = ['ok', 'disabled', 'pinned', 'unreadable', 'failing'] as const;
export type UpdaterState = (typeof UPDATER_STATES)[number];

/** Sources that name single agents. */
export const SIGHTING_SOURCES = ['inventory', 'check-ins'] as const;
export type SightingSource = (typeof SIGHTING_SOURCES)[number];

/** The import that listed an agent. */
export interface Listing {
  /** When it was imported; epoch milliseconds. */
  at: number;
  /** What it was an inventory of: a channel's name, or `@` and a control plane's. */
  scope: string;
}

/** What one source last said of one agent. A source has at most one sighting of an agent, the newest. */
export interface Sighting {
  /** Stable unique id, a UUID in practice. */
  id: string;
  channel: string;
  /** As `readAgentVersion` gives it. */
  version: string;
  /** Epoch milliseconds, never in the future: the poll's, or the instance's `last_seen`. */
  at: number;
  updater: UpdaterKind | null;
  updaterVersion: string | null;
  group: string | null;
  /** False for a check-in without an enrolment token where one is asked for: it is seen, and counts for nothing. */
  enrolled: boolean;
  /** False for a check-in that anybody could have sent, because enrolment is open. */
  proven: boolean;
  /** Only in an inventory; null: not reported. */
  updaterState: UpdaterState | null;
  /** Only in an inventory, and only where there is room for it. */
  host: string | null;
  /** Null for a check-in. */
  listing: Listing | null;
  /**
   * Only in an inventory: the id by which its v2 updater asks (`update_uuid`), if that is another than the instance's.
   */
  updateId?: string | undefined;
  /** Only of an updater that is failing: its error code, if it is a number that fits into 32 bits. */
  updaterError?: number | undefined;
  /**
   * The instance had expired by the moment of its inventory: it is kept, and does not count until it is seen again
   * after that.
   */
  expired: boolean;
}

/** What is remembered of an agent beyond its newest sightings. Most agents have none of it. */
export interface Past {
  /**
   * It went back, though its channel was not rolled back: from which version, when it was last seen there, and since
   * when it is lower.
   */
  reverted: { from: string; was: number; at: number } | null;
  /**
   * It went back and then forward again: the lowest version, and when it was last seen there; `high` is the version
   * from which it went back, or null if that is longer ago than it stays contested.
   */
  contested: { version: string; at: number; high: string | null } | null;
  /** Other channels that it checked in on, and when it last did. At most `MAX_ELSEWHERE`. */
  elsewhere: { channel: string; at: number }[];
}

/** Channels beside its present one that an agent is remembered on; a check-in on one more is refused. */
export const MAX_ELSEWHERE = 4;

export const NO_PAST: Past = { reverted: null, contested: null, elsewhere: [] };

/** All that a store keeps of one agent. */
export interface AgentRecord {
  inventory: Sighting | null;
  checkIn: Sighting | null;
  past: Past;
}

/** An agent as its sources see it, enrolled sightings before others, then the newest first. */
export interface Agent {
  id: string;
  sightings: (Sighting & { source: SightingSource })[];
  past: Past;
}

/** What a sighting is recorded by. */
export interface Recording {
  /** Epoch milliseconds. */
  now: number;
  /** Milliseconds for which the lowest version of a contested agent counts. */
  contestedFor: number;
  /** The version that a channel serves to its agents; null: none, or no such channel. */
  targetOf(channel: string): string | null;
}

/**
 * Is the sighting to take the place of `before`, which the same source reported? The newer one by its own time counts;
 * one that is not enrolled never replaces one that is. What is stored from the future is taken for the present, so that
 * it cannot keep later news out.
 */
export function isNews(sighting: Sighting, before: Sighting | null, now: number): boolean {
  if (!before) return true;
  if (before.enrolled !== sighting.enrolled) return sighting.enrolled;
  return sighting.at >= Math.min(before.at, now);
}

/**
 * The sighting that says what the agent runs now: of those that count the newest, of two of one moment the lower
 * version.
 */
export function currentSighting({ inventory, checkIn }: AgentRecord): Sighting | null {
  const listed = inventory && !inventory.expired ? inventory : null;
  const seen = checkIn?.enrolled ? checkIn : null;
  if (!listed || !seen) return listed ?? seen;
  if (listed.at !== seen.at) return listed.at > seen.at ? listed : seen;
  return compareAgentVersions(listed.version, seen.version) <= 0 ? listed : seen;
}

/**
 * The version at which the agent counts; null where it does not count. It is that of its newest sighting, with two
 * exceptions: a contested agent counts at its lowest version, and a check-in that anybody could have sent never raises
 * what an inventory says, nor makes it unreadable: within the present major that would be less strict.
 */
export function countedVersion(record: AgentRecord): string | null {
  const current = currentSighting(record);
  if (!current) return null;
  const { inventory, past } = record;
  const low = past.contested?.version ?? current.version;
  if (current.proven || !inventory || inventory.expired) return lowerVersion(current.version, low);
  const said = [current.version, low].filter((version) => version !== UNREADABLE);
  return said.reduce(lowerVersion, inventory.version);
}

/**
 * The highest version that the agent may run; null where it does not count. It is above `countedVersion` where the
 * version is in dispute: its id is contested, or a check-in that anybody could have sent differs from the inventory. It
 * counts at both, because the lower one is strict only for a target above it.
 */
export function highestVersion(record: AgentRecord): string | null {
  const counted = countedVersion(record);
  const current = currentSighting(record);
  if (counted === null || !current) return null;
  const { inventory, past } = record;
  const listed = current.proven || !inventory || inventory.expired ? null : inventory.version;
  const said = [current.version, listed, past.contested?.high ?? null].filter((version) => version !== null);
  return said.reduce(higherVersion, counted);
}

/**
 * Every version at which the agent counts: the lowest, the highest, and `UNREADABLE` where a check-in that anybody could
 * have sent has one beside an inventory. That is stricter than both for a target of another major, and less strict within
 * the present one. Empty where the agent does not count.
 */
export function countedVersions(record: AgentRecord): string[] {
  const [counted, highest] = [countedVersion(record), highestVersion(record)];
  if (counted === null || highest === null) return [];
  return [...new Set([counted, highest, ...(currentSighting(record)?.version === UNREADABLE ? [UNREADABLE] : [])])];
}

/** The channels that an agent counts on. */
export function channelsOf({ inventory, checkIn, past }: AgentRecord): string[] {
  const channels = [
    ...(inventory && !inventory.expired ? [inventory.channel] : []),
    ...(checkIn?.enrolled ? [checkIn.channel] : []),
    ...(checkIn?.enrolled ? past.elsewhere.map(({ channel }) => channel) : []),
  ];
  return [...new Set(channels)];
}

/** What is counted of an agent in addition to its version. */
export const AGENT_MARKS = ['contested', 'reverted', 'expired', 'pinned', 'disabled', 'unreadable', 'failing'] as const;
export type AgentMark = (typeof AGENT_MARKS)[number];

/** The marks of an agent; `expired` only where nothing else makes it count. The last four are its updater's state. */
export function marksOf(record: AgentRecord): AgentMark[] {
  const { inventory, past } = record;
  if (!currentSighting(record)) return inventory?.expired ? ['expired'] : [];
  const state = inventory && !inventory.expired ? inventory.updaterState : null;
  return [
    ...(past.contested ? (['contested'] as const) : []),
    ...(past.reverted ? (['reverted'] as const) : []),
    ...(state && state !== 'ok' ? [state] : []),
  ];
}

/**
 * The record after a sighting, or null where it is refused because the agent is remembered on too many channels. A
 * sighting that is not news changes nothing, except that an inventory that still lists the agent says so.
 */
export function recordSighting(
  before: AgentRecord,
  source: SightingSource,
  sighting: Sighting,
  recording: Recording,
): AgentRecord | null {
  const slot = source === 'inventory' ? 'inventory' : 'checkIn';
  const known = before[slot];
  if (!isNews(sighting, known, recording.now)) {
    if (!known || source === 'check-ins') return before;
    return {
      ...before,
      inventory: {
        ...known,
        listing: isListedThere(sighting, known) ? sighting.listing : known.listing,
      },
    };
  }
  // A list of an earlier moment, in which it had not expired yet, shows no more than that it was there.
  const expired = sighting.expired || (known?.expired === true && known.at === sighting.at);
  const after: AgentRecord = { ...before, [slot]: expired ? { ...sighting, expired } : sighting };
  const past = pastAfter(before, after, recording);
  if (past.elsewhere.length > MAX_ELSEWHERE) return null;
  return { ...after, past };
}

/**
 * An older list of another channel, in another inventory, does not take over who says that the agent is still there.
 */
const isListedThere = ({ channel, listing }: Sighting, known: Sighting): boolean =>
  channel === known.channel || listing?.scope === known.listing?.scope;

function pastAfter(before: AgentRecord, after: AgentRecord, recording: Recording): Past {
  const { past } = before;
  return { ...versionsAfter(before, after, recording), elsewhere: elsewhereAfter(past, before.checkIn, after.checkIn) };
}

function elsewhereAfter({ elsewhere }: Past, before: Sighting | null, after: Sighting | null): Past['elsewhere'] {
  if (!before?.enrolled || !after?.enrolled || before.channel === after.channel) return elsewhere;
  const others = elsewhere.filter(({ channel }) => channel !== before.channel && channel !== after.channel);
  return [...others, { channel: before.channel, at: before.at }];
}

function versionsAfter(
  before: AgentRecord,
  after: AgentRecord,
  { contestedFor, targetOf }: Recording,
): Omit<Past, 'elsewhere'> {
  const { reverted, contested } = before.past;
  const [was, is] = [currentSighting(before), currentSighting(after)];
  if (!was || !is) return { reverted, contested };
  // A check-in that anybody could have sent does not end a dispute where an inventory knows the agent.
  const vouched = is.proven || !after.inventory || after.inventory.expired;
  const isRecent = (at: number) => is.at - at <= contestedFor || !vouched;
  const highOf = (back: Past['reverted']) => (back && isRecent(back.was) ? back.from : null);
  const order = compareAgentVersions(is.version, was.version);
  if (order < 0) {
    const target = targetOf(is.channel);
    // It goes where its channel was rolled back to, and not farther.
    const follows = target !== null && compareAgentVersions(is.version, target) >= 0;
    if (!reverted && follows && compareAgentVersions(target, was.version) < 0) return { reverted, contested };
    const news = { from: was.version, was: was.at, at: is.at };
    const higher = reverted && compareAgentVersions(reverted.from, was.version) > 0 ? reverted : news;
    const back = { ...higher, at: is.at };
    return { reverted: back, contested: contested && { ...contested, high: highOf(back) } };
  }
  const held = contested && isRecent(contested.at) ? { ...contested, high: highOf(reverted) } : null;
  const said = was.proven || was.version !== UNREADABLE;
  const forward = reverted !== null && said && order > 0 && compareAgentVersions(was.version, reverted.from) < 0;
  const low = { version: was.version, at: was.at, high: highOf(reverted) };
  const open = forward && (!held || compareAgentVersions(low.version, held.version) <= 0) ? low : held;
  // Back where it was, and no longer contested: the agent has made up for going back.
  const made = reverted !== null && open === null && compareAgentVersions(is.version, reverted.from) >= 0;
  return { reverted: made ? null : reverted, contested: open };
}

const AGENT_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const GROUP = /^[A-Za-z0-9._:-]{1,64}$/;

export const isAgentId = (text: string): boolean => AGENT_ID.test(text);
export const isGroup = (text: string): boolean => GROUP.test(text);
export const isUpdaterKind = (text: string): text is UpdaterKind => (UPDATER_KINDS as readonly string[]).includes(text);

/** The record that an agent's sightings make. */
export function recordOf({ sightings, past }: Agent): AgentRecord {
  const from = (source: SightingSource) => sightings.find((sighting) => sighting.source === source) ?? null;
  return { inventory: from('inventory'), checkIn: from('check-ins'), past };
}
