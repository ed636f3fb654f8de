import {
  type Agent,
  type AgentRecord,
  channelsOf,
  countedVersions,
  currentSighting,
  marksOf,
  NO_PAST,
  recordSighting,
  type Sighting,
  type SightingSource,
} from '../../src/domain/agent.ts';
import { lineOfAgent } from '../../src/domain/agent-version.ts';
import type { PruneQuery, RecordingOptions, Store } from '../../src/domain/store.ts';

type Counts = Awaited<ReturnType<Store['counts']>>;

/** What a store shall say of a fleet: a map of records, changed and counted by the functions of the domain. */
export function createModel() {
  const records = new Map<string, AgentRecord>();
  const latest = new Map<string, number>();
  const refused = new Map<string, number>();
  const raise = (times: Map<string, number>, key: string, at: number) =>
    times.set(key, Math.max(at, times.get(key) ?? at));

  function record(source: SightingSource, batch: readonly Sighting[], options: RecordingOptions): number {
    let refusals = 0;
    for (const each of batch) {
      const before = records.get(each.id) ?? { inventory: null, checkIn: null, past: NO_PAST };
      const targetOf = (channel: string) => options.targets.get(channel) ?? null;
      const after = recordSighting(before, source, each, { ...options, targetOf });
      if (!after) {
        refusals++;
        raise(refused, `${each.channel} ${lineOfAgent(each.version)}`, each.at);
        continue;
      }
      if (after === before) continue;
      records.set(each.id, after);
      if (source === 'check-ins' && each.enrolled) raise(latest, each.channel, each.at);
    }
    return refusals;
  }

  function prune({ checkIns = new Map(), unenrolledBefore = 0, unlisted }: PruneQuery): number {
    const stays = ({ channel, at }: { channel: string; at: number }) => at >= (checkIns.get(channel) ?? at);
    let dropped = 0;
    for (const [id, { inventory, checkIn, past }] of records) {
      // All places at which the agent checked in, the present one first.
      const seen = checkIn ? [{ channel: checkIn.channel, at: checkIn.at }, ...past.elsewhere] : [];
      const left = seen.filter((place) => (checkIn?.enrolled ? stays(place) : place.at >= unenrolledBefore));
      const present = left[0] === seen[0] ? left[0] : left.toSorted((a, b) => b.at - a.at)[0];
      const listing = inventory?.listing;
      const isUnlisted =
        unlisted !== undefined &&
        listing?.scope === unlisted.scope &&
        listing.at < unlisted.before &&
        inventory?.channel === (unlisted.only ?? inventory?.channel) &&
        !unlisted.except?.has(inventory?.channel ?? '');
      dropped += seen.length - left.length + (isUnlisted ? 1 : 0);
      const after = {
        inventory: isUnlisted ? null : inventory,
        checkIn: checkIn && present ? { ...checkIn, ...present } : null,
        past: { ...past, elsewhere: left.filter((place) => place !== present) },
      };
      if (after.inventory || after.checkIn) records.set(id, after);
      else records.delete(id);
    }
    for (const [channel, at] of latest) if (!stays({ channel, at })) latest.delete(channel);
    for (const [key, at] of refused) if (!stays({ channel: key.split(' ')[0] ?? '', at })) refused.delete(key);
    return dropped;
  }

  return {
    record,
    prune,
    forget: (id: string) => records.delete(id),
    agent: (id: string): Agent | null => {
      const known = records.get(id);
      return known ? agentOf(id, known) : null;
    },
    agents: (): Agent[] => [...records].map(([id, known]) => agentOf(id, known)),
    counts: (): Counts => ({
      surveys: [],
      ...countAll([...records.values()]),
      latest: [...latest].map(([channel, at]) => ({ channel, at })),
      uncounted: [...refused].map(([key, at]) => {
        const [channel = '', line = ''] = key.split(' ');
        return { channel, line, at };
      }),
    }),
  };
}

function agentOf(id: string, { inventory, checkIn, past }: AgentRecord): Agent {
  const sightings: Agent['sightings'] = [];
  if (inventory) sightings.push({ ...inventory, source: 'inventory' });
  if (checkIn) sightings.push({ ...checkIn, source: 'check-ins' });
  return { id, sightings: sightings.sort((a, b) => Number(b.enrolled) - Number(a.enrolled) || b.at - a.at), past };
}

function countAll(records: AgentRecord[]): Omit<Counts, 'surveys' | 'latest' | 'uncounted'> {
  const sums = {
    known: tally(),
    disputed: tally(),
    checkIns: tally(),
    groups: tally(),
    updaters: tally(),
    marks: tally(),
    strangers: tally(),
  };
  for (const record of records) {
    const { inventory, checkIn } = record;
    const current = currentSighting(record);
    const counting = [inventory?.expired ? null : inventory, checkIn?.enrolled ? checkIn : null].filter(
      (each) => each !== null,
    );
    const [first, second] = counting.sort((a, b) => Number(b === current) - Number(a === current));
    for (const channel of channelsOf(record)) {
      const [low, ...others] = countedVersions(record);
      sums.known.add(channel, low);
      for (const other of others) sums.disputed.add(channel, `${low} ${other}`);
      sums.groups.add(channel, first?.group ?? second?.group);
      sums.updaters.add(channel, first?.updater ?? second?.updater);
      for (const mark of marksOf(record)) sums.marks.add(channel, mark);
    }
    if (!current && inventory?.expired) sums.marks.add(inventory.channel, 'expired');
    if (checkIn?.enrolled) sums.checkIns.add(checkIn.channel, checkIn.version);
    if (checkIn && !checkIn.enrolled) sums.strangers.add(checkIn.channel, 'all');
  }
  return {
    known: sums.known.all().map(({ label, ...count }) => ({ ...count, version: label })),
    checkIns: sums.checkIns.all().map(({ label, ...count }) => ({ ...count, version: label })),
    disputed: sums.disputed.all().map(({ label, ...count }) => {
      const [low = '', high = ''] = label.split(' ');
      return { ...count, low, high };
    }),
    groups: sums.groups.all(),
    updaters: sums.updaters.all(),
    marks: sums.marks
      .all()
      .map(({ label, ...count }) => ({ ...count, mark: label as Counts['marks'][number]['mark'] })),
    unenrolled: sums.strangers.all().map(({ channel, agents }) => ({ channel, agents })),
  };
}

function tally() {
  const counts = new Map<string, { channel: string; label: string; agents: number }>();
  return {
    add(channel: string, label: string | null | undefined): void {
      if (!label) return;
      const count = counts.get(`${channel} ${label}`) ?? { channel, label, agents: 0 };
      counts.set(`${channel} ${label}`, { ...count, agents: count.agents + 1 });
    },
    all: () => [...counts.values()],
  };
}

/** The same counts whatever their order. */
export const sortedCounts = (counts: Counts) =>
  Object.fromEntries(
    Object.entries(counts).map(([name, all]) => [name, all.map((each: object) => JSON.stringify(sorted(each))).sort()]),
  );

const sorted = (each: object) => Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
