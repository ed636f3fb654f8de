/** Sources that know the whole enrolled population of a channel, or claim to. */
export const SURVEY_SOURCES = ['inventory', 'teleport-metrics'] as const;
export type SurveySource = (typeof SURVEY_SOURCES)[number];

/** What a source said for a while: from its first reading of these figures to its last. Epoch milliseconds. */
export interface Reading {
  from: number;
  until: number;
  agents: number;
  /** Agents without an id, by version: all agents of metrics, and of an inventory those whose id cannot be kept. */
  anonymous: Record<string, number>;
  /** All its agents by version, with and without an id; left out where they are the same as `anonymous`. */
  versions?: Record<string, number> | undefined;
}

/** The account that a source gives of a channel, or of a cluster that several channels share. */
export interface Survey {
  /** A channel's name, or `@` and the name of a control plane, for figures that cannot be spread over its channels. */
  channel: string;
  source: SurveySource;
  /** The moment that it describes, by its own time: the newest `last_seen` of an inventory. Epoch milliseconds. */
  at: number;
  /** When it was read or imported; epoch milliseconds. */
  readAt: number;
  /** What it was an inventory of, as `Listing.scope`; for metrics the same as `channel`. */
  scope: string;
  /** Does it know every enrolled agent? */
  complete: boolean;
  /**
   * Enrolled agents by version, those without an id included; `UNREADABLE` counts those whose version cannot be read.
   */
  versions: Record<string, number>;
  /** Connected agents without an updater, by version, and bots; of the whole scope. */
  unmanaged: Record<string, number>;
  /** Instances that had expired by then. */
  expired: number;
  /** Agents of the whole scope by a group that has no channel of its own. */
  unmappedGroups: Record<string, number>;
  /**
   * The channels that groups of the whole scope led to when it was imported, by the agents' spelling; on one survey of
   * the scope, and left out by older releases.
   */
  groups?: Record<string, string> | undefined;
  /**
   * The digests of the inventories of this moment that were imported; left out by releases that did not tell them
   * apart.
   */
  lists?: string[] | undefined;
  /** Readings that count, oldest first; the last is the newest. */
  readings: Reading[];
  /** Since when reading it fails, and why; null while it does not. */
  failing: { since: number; fault: string } | null;
  /** Grows by one each time the survey is saved; 0 for one that was never saved. */
  revision: number;
}

/** The account of a source that was never read: nothing. It is not complete, so it confirms nothing. */
export const unreadSurvey = (channel: string, at: number): Survey => ({
  ...{
    channel,
    source: 'teleport-metrics',
    at,
    readAt: at,
    scope: channel,
    complete: false,
    versions: {},
    unmanaged: {},
  },
  ...{ expired: 0, unmappedGroups: {}, readings: [], failing: null, revision: 0 },
});

/** When a fall in a source's figures counts. */
export interface SettlePolicy {
  /** Milliseconds after which a second reading confirms a lower one. */
  settleFor: number;
  /** The share of agents, 0 to 1, that may be missing from a reading without being questioned. */
  maxFall: number;
}

/** So many agents may be missing from any reading. */
const SMALL_FALL = 5;

/**
 * The readings that count after `next`. A reading counts until a later one is confirmed by another at least `settleFor`
 * after it: neither time alone nor a source that answers once, such as an auth server that has just started, ends it.
 */
export function readingsAfter(readings: readonly Reading[], next: Reading, settleFor: number): Reading[] {
  const last = readings.at(-1);
  const same = last && last.agents === next.agents && sameReadings(last, next);
  const all = same ? [...readings.slice(0, -1), { ...next, from: last.from }] : [...readings, next];
  const confirmed = all.findLastIndex(({ from }) => from <= next.until - settleFor);
  return bounded(all.slice(Math.max(confirmed, 0)));
}

/**
 * More readings than these are joined, the highest figures of both kept, so that a source that changes each second
 * stays bounded.
 */
const MAX_READINGS = 32;

function bounded(readings: Reading[]): Reading[] {
  const [first, second, ...rest] = readings;
  if (readings.length <= MAX_READINGS || !first || !second) return readings;
  const joined: Reading = {
    from: second.from,
    until: second.until,
    agents: Math.max(first.agents, second.agents),
    anonymous: highest([first.anonymous, second.anonymous]),
    versions: highest([versionsOf(first), versionsOf(second)]),
  };
  return bounded([joined, ...rest]);
}

/**
 * Has the newest reading clearly fewer agents than the highest that counts? Clearly is more than `maxFall` of them and
 * more than 5, or no agent where there was one. `from` is that highest number.
 */
export function fallOf(
  { readings }: Pick<Survey, 'readings'>,
  { maxFall }: SettlePolicy,
): { from: number; to: number; since: number } | null {
  const last = readings.at(-1);
  const from = Math.max(0, ...readings.map(({ agents }) => agents));
  if (!last || last.agents >= from) return null;
  const missing = from - last.agents;
  const clear = last.agents === 0 || (missing > SMALL_FALL && missing > maxFall * from);
  return clear ? { from, to: last.agents, since: last.from } : null;
}

/**
 * Has an auth server shown no agent since it was read first, not yet for `settleFor`? One that has just started shows
 * itself before its agents are back, so former targets are presumed to run until it goes on saying so, or a person
 * confirms it.
 */
export function isFirstOfNobody(
  { source, readings }: Pick<Survey, 'source' | 'readings'>,
  { settleFor }: SettlePolicy,
): boolean {
  const [first, last] = [readings[0], readings.at(-1)];
  if (source !== 'teleport-metrics' || !first || !last) return false;
  return readings.every(({ agents }) => agents === 0) && last.until - first.from < settleFor;
}

/** The readings after a person confirmed the newest: it alone counts, as if it had been read for `settleFor`. */
export const acceptedReadings = (readings: readonly Reading[], { settleFor }: SettlePolicy): Reading[] =>
  readings.slice(-1).map((last) => ({ ...last, from: Math.min(last.from, last.until - settleFor) }));

/** The agents without an id that count: version by version the highest number of all readings that count. */
export const anonymousPeak = ({ readings }: Pick<Survey, 'readings'>): Record<string, number> =>
  highest(readings.map(({ anonymous }) => anonymous));

/** Version by version the highest number of agents that any reading that counts has. */
export const readingsPeak = ({ readings }: Pick<Survey, 'readings'>): Record<string, number> =>
  highest(readings.map(versionsOf));

const versionsOf = ({ versions, anonymous }: Reading) => versions ?? anonymous;

function highest(counts: Record<string, number>[]): Record<string, number> {
  const peak: Record<string, number> = {};
  for (const each of counts) {
    for (const [version, count] of Object.entries(each)) peak[version] = Math.max(count, peak[version] ?? 0);
  }
  return peak;
}

/** Inventories of one moment that are told apart. Any further one is taken for one that came before. */
const MAX_LISTS = 16;

/** Was the inventory imported before? Then it is no news, but says once more what it said. */
export function isRepeated(before: Survey | undefined, { at, scope, versions }: Survey, list: string): boolean {
  if (before?.at !== at) return false;
  if (!before.lists) return before.scope === scope && sameCounts(before.versions, versions);
  return before.lists.includes(list) || before.lists.length >= MAX_LISTS;
}

/** The inventories of a moment after one of them was imported. */
export function listsAfter(before: Survey | undefined, at: number, list: string): string[] {
  const known = before?.at === at ? (before.lists ?? []) : [];
  return known.includes(list) || known.length >= MAX_LISTS ? known : [...known, list];
}

const sameReadings = (a: Reading, b: Reading): boolean =>
  sameCounts(a.anonymous, b.anonymous) && sameCounts(versionsOf(a), versionsOf(b));

const sameCounts = (a: Record<string, number>, b: Record<string, number>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, count]) => b[key] === count);
