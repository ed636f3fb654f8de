import { isDeepStrictEqual } from 'node:util';
import type { Sighting } from '../../src/domain/agent.ts';
import { FairwayError } from '../../src/domain/errors.ts';
import { targetsOf } from '../../src/domain/snapshot.ts';
import type { AgentQuery, FleetLimits, Store } from '../../src/domain/store.ts';
import { viewAgent } from '../../src/service/explain.ts';
import { isWanted } from '../../src/store/sightings.ts';
import { type Entry, type Listing, order, Paper, TERMS, type Verdict, written } from './paper.ts';
import { type Clock, openWorkplace, SECOND, settingsWith, type Workplace } from './store-services.ts';

/** Something that happens to a fleet. Channels are `a` and `b` of control plane `p`, and `c` of none. */
export type Step =
  | {
      import: 'a' | 'b' | 'c' | 'p';
      mode: Listing['mode'];
      /** Seconds ago; null: the field is missing. */
      entries: { id: string; version: string; group: string | null; seen: number | null; expires: number | null }[];
      /** When the cluster's own server was seen, in seconds ago; null: it is not in the list. */
      own: number | null;
    }
  | { importAgain: number; partial: boolean }
  | { checkIn: string; on: string; version: string; token: boolean; ago: number }
  | { checkInAgain: number }
  | { metrics: 'a' | 'b' | 'p'; page: Record<string, number> | 'fails' | 'proves nothing' }
  | { pass: number }
  | { back: number }
  | { sweep: true }
  | { restart: true }
  | { forget: string }
  | { forgetVersion: string; on: string }
  | { forgetSource: 'inventory' | 'teleport-metrics'; on: string }
  | { accept: 'inventory' | 'teleport-metrics'; on: string }
  | { remove: string }
  | { add: string; target: string }
  | { roll: string; to: string; force?: boolean }
  | { withdraw: string }
  | { plane: string };

const ACTOR = { name: 'token:model', role: 'admin' } as const;
const REQUEST = { actor: ACTOR, ifMatch: null, dryRun: false };
const PLANE = '17.4.0';
export const FIRST_TARGET = '16.4.6';
export const CHANNELS = ['a', 'b', 'c'];
const TARGETS = ['16.4.7', '17.0.1', '18.0.1'];

/** What one channel's faces say, in the words of the paper. */
interface Faces {
  checks: Record<string, Verdict>;
  census: string[];
  unreadable: number;
  sources: string[];
  older: string[];
  byVersion: Record<string, string[]>;
}

/** Both stores and the paper, and the same history told to each. */
export async function openHistories(
  mode: 'open' | 'token',
  kinds: readonly Store['kind'][] = ['embedded'],
  { limits, presumed = TERMS.presumed }: { limits?: FleetLimits; presumed?: number } = {},
) {
  const clock: Clock = { at: Date.parse('2026-03-01T12:00:00Z') };
  const groups: Record<string, { channel: string }> = {};
  const settings = settingsWith((shipped) => ({
    defaultChannel: 'elsewhere',
    groups,
    compatibility: { ...shipped.compatibility, presumeServedFor: presumed },
    fleet: { ...shipped.fleet, enrolment: { mode, tokens: [] } },
  }));
  const places = await Promise.all(kinds.map((kind) => openWorkplace(kind, clock, settings, limits)));
  let runs = 0;

  return {
    places,
    async begin() {
      if (runs > 0 && runs % 50 === 0) await Promise.all(places.map((place) => place.reset()));
      clock.at += TERMS.presumed * 2;
      for (const group of Object.keys(groups)) delete groups[group];
      const paper = new Paper(mode, clock.at, presumed);
      return begin(`r${++runs}`, places, clock, paper, groups);
    },
    close: () => Promise.all(places.map((place) => place.close())),
  };
}

export type History = Awaited<ReturnType<Awaited<ReturnType<typeof openHistories>>['begin']>>;

async function begin(
  run: string,
  places: Workplace[],
  clock: Clock,
  paper: Paper,
  groups: Record<string, { channel: string }>,
) {
  const { mode } = paper;
  const named = (name: string) => `${run}${name}`;
  const plane = named('p');
  const checkIns: { id: string; on: string; version: string; token: boolean; at: number }[] = [];
  const imports: Listing[] = [];

  groups[named('Prod-EU')] = { channel: named('b') };
  paper.groups.set(named('Prod-EU'), named('b'));
  paper.planes.set(plane, PLANE);
  await all(({ services }) => services.controlPlanes.report(plane, PLANE, REQUEST));
  for (const name of CHANNELS) await create(name, FIRST_TARGET);

  async function all<T>(work: (place: Workplace) => Promise<T>): Promise<T[]> {
    return Promise.all(places.map(work));
  }

  /** The code of what each store answered, which must be the same. */
  async function answerOf(work: (place: Workplace) => Promise<unknown>): Promise<string> {
    const [first = '', ...others] = await all((place) => answer(work(place)));
    for (const other of others) {
      if (first !== other) throw new Error(`${places[0]?.store.kind} answers ${first}, and another store ${other}`);
    }
    return first;
  }

  async function create(name: string, target: string): Promise<void> {
    const controlPlane = name === 'c' ? null : plane;
    const change = { controlPlane, target };
    const done = await answerOf(({ services }) => services.channels.put(named(name), change, REQUEST));
    if (done === 'done') paper.add(named(name), controlPlane, target);
  }

  async function listing(list: Listing): Promise<void> {
    imports.push(list);
    const target = {
      ...(list.plane === null ? {} : { controlPlane: list.plane }),
      channel: list.channel,
      mode: list.mode,
    };
    const given = await answerOf(({ services }) =>
      services.inventories.importInventory(target, instances(list), SENDER),
    );
    const expected = paper.import(list);
    if (given !== expected) throw new Error(`an import is ${given}, and on paper ${expected}`);
  }

  async function checkIn(sent: (typeof checkIns)[number]): Promise<void> {
    checkIns.push(sent);
    const { id, on, version, token, at } = sent;
    const sighting: Sighting = {
      ...{ id, channel: on, version: written(version), at, updater: null, updaterVersion: null, group: null },
      ...{ enrolled: mode === 'open' || token, proven: mode === 'token', updaterState: null, host: null },
      ...{ listing: null, expired: false },
    };
    await all(({ store, services }) => {
      const targets = targetsOf(services.state.snapshot());
      return store.recordSightings('check-ins', [sighting], { now: clock.at, contestedFor: TERMS.contested, targets });
    });
    paper.checkIn(id, on, version, token, at);
  }

  const ago = (seconds: number) => clock.at - seconds * SECOND;
  const agoOrNull = (seconds: number | null) => (seconds === null ? null : ago(seconds));

  /** Of two entries of one moment, the one that comes last is the newer one, so neither is merely repeated. */
  const isOnly = ({ entries }: Listing) =>
    entries.every((entry) =>
      imports.every((other) =>
        other.entries.every(({ id, seen, ...said }) => {
          return id !== entry.id || seen !== entry.seen || isDeepStrictEqual({ id, seen, ...said }, entry);
        }),
      ),
    );

  async function take(step: Step): Promise<void> {
    clock.at += SECOND;
    paper.now = clock.at;
    if ('import' in step) {
      const { mode: how, entries, own } = step;
      const target =
        step.import === 'p' ? { plane, channel: named('a') } : { plane: null, channel: named(step.import) };
      const read = entries.map(({ id, version, group, seen, expires }): Entry => {
        const name = group === null ? null : named(group);
        return { id: named(id), said: version, group: name, seen: agoOrNull(seen), expires: agoOrNull(expires) };
      });
      await listing({ ...target, mode: how, entries: read, own: agoOrNull(own) });
    } else if ('importAgain' in step) {
      const some = step.partial ? imports : imports.filter((list) => paper.repeats(list) && isOnly(list));
      const again = some[step.importAgain % (some.length || 1)];
      if (again) await listing(again);
    } else if ('checkIn' in step) {
      const { checkIn: id, on, version, token, ago: age } = step;
      await checkIn({ id: named(id), on: named(on), version, token, at: ago(age) });
    } else if ('checkInAgain' in step) {
      const again = checkIns[step.checkInAgain % (checkIns.length || 1)];
      // Of two check-ins of one moment, the one that comes last is the newer one, so neither is merely repeated.
      const isOnly = checkIns.every(
        ({ id, at, version }) => id !== again?.id || at !== again.at || version === again.version,
      );
      if (again && again.at <= clock.at && isOnly) await checkIn(again);
    } else if ('metrics' in step) {
      const { page } = step;
      const name = named(step.metrics);
      const pages = new Map<string, string>();
      if (page === 'proves nothing') pages.set(URL, 'teleport_registered_servers{version="17.0.1"} 5\n');
      else if (page !== 'fails') pages.set(URL, pageOf(page));
      await all((place) => place.sources({ [name]: [URL] }, pages).read(place.fence));
      paper.metrics(name, typeof page === 'string' ? null : tallyOf(page));
    } else if ('pass' in step) {
      clock.at += step.pass;
      paper.now = clock.at;
    } else if ('back' in step) {
      clock.at -= step.back;
      paper.now = clock.at;
    } else if ('sweep' in step) {
      await all(({ services, fence }) => services.fleet.sweep(fence));
      paper.sweep();
    } else if ('restart' in step) {
      await all((place) => place.restart());
    } else if ('forget' in step) {
      const id = named(step.forget);
      compareAnswers(
        await answerOf(({ services }) => services.fleet.forget(id, { reason: 'gone' }, ACTOR)),
        paper.forget(id),
      );
    } else if ('forgetVersion' in step) {
      const [channel, version] = [named(step.on), step.forgetVersion];
      compareAnswers(
        await answerOf(({ services }) => services.evidences.forgetVersion(channel, version, GONE, REQUEST)),
        paper.forgetVersion(channel, version),
      );
    } else if ('forgetSource' in step) {
      const [channel, source] = [named(step.on), step.forgetSource];
      compareAnswers(
        await answerOf(({ services }) => services.evidences.forget(channel, source, GONE, REQUEST)),
        paper.forgetSource(channel, source),
      );
    } else if ('accept' in step) {
      const [channel, source] = [named(step.on), step.accept];
      compareAnswers(
        await answerOf(({ services }) => services.evidences.accept(channel, source, GONE, REQUEST)),
        paper.accept(channel, source),
      );
    } else if ('remove' in step) {
      compareAnswers(
        await answerOf(({ services }) => services.channels.remove(named(step.remove), REQUEST)),
        paper.remove(named(step.remove)),
      );
    } else if ('add' in step) {
      if (!paper.channels.has(named(step.add))) await create(step.add, step.target);
    } else if ('roll' in step) {
      const name = named(step.roll);
      const channel = paper.channels.get(name);
      if (!channel || channel.target === step.to) return;
      const verb = channel.target !== null && order(step.to, channel.target) < 0 ? 'roll-back' : 'roll-forward';
      const accept = step.force ? { acceptStranding: paper.check(name, step.to).stranded } : {};
      const input = { reason: 'chance', version: step.to, ...accept };
      const done = await answerOf(({ services }) => services.channels.act(name, verb, input, REQUEST));
      if (done === 'done') paper.retarget(name, step.to);
    } else if ('withdraw' in step) {
      const name = named(step.withdraw);
      const done = await answerOf(({ services }) =>
        services.channels.act(name, 'withdraw', { reason: 'chance' }, REQUEST),
      );
      if (done === 'done') paper.retarget(name, null);
    } else {
      await all(({ services }) => services.controlPlanes.report(plane, step.plane, REQUEST));
      paper.planes.set(plane, step.plane);
    }
  }

  /** What the faces of one store say, with the run's names taken out. */
  async function facesOf({ services, store }: Workplace): Promise<object> {
    const { channels, fleet, controlPlanes } = services;
    const every = (await store.agents({ limit: 500 })).agents;

    /** A page of Redis reads all of its buckets, so there the one that holds every agent stands for all. */
    async function listings(name: string): Promise<Pick<Faces, 'older' | 'byVersion'>> {
      const find = async (asked: Pick<AgentQuery, 'olderThan' | 'version'>) => {
        const query = { channel: name, limit: 500, ...asked };
        if (store.kind !== 'redis') return counting(name, (await fleet.agents(query)).agents);
        return counting(name, every.filter((agent) => isWanted(agent, query)).map(viewAgent));
      };
      const byVersion: Faces['byVersion'] = {};
      for (const version of paper.versions()) byVersion[version] = await find({ version });
      const older = await find({ olderThan: '16.0.0' });
      return { older, byVersion };
    }

    const faces: Record<string, Faces> = {};
    for (const name of paper.channels.keys()) {
      const census = await fleet.census(name);
      const checks: Faces['checks'] = {};
      for (const target of TARGETS) checks[target] = verdictOf(await channels.check(name, target, ACTOR));
      const pages = await listings(name);
      faces[name] = {
        checks,
        census: census.versions.map(({ version, count }) => `${count} at ${version}`).sort(),
        unreadable: census.unreadable,
        sources: census.sources
          .filter(({ complete }) => complete)
          .map(describeSource)
          .sort(),
        ...pages,
      };
    }
    const agents: Record<string, object> = {};
    for (const id of [...paper.agents.keys()].sort()) {
      const { agent } = await fleet.explain(id);
      const counts = agent.channels.length > 0;
      agents[id] = {
        version: counts ? agent.version : null,
        channels: [...agent.channels].sort(),
        contested: counts && agent.contested !== null,
        reverted: counts && agent.reverted !== null,
      };
    }
    const planes = {
      '17.5.0': verdictOf(await controlPlanes.check(plane, '17.5.0', ACTOR)),
      '18.0.1': verdictOf(await controlPlanes.check(plane, '18.0.1', ACTOR)),
    };
    return { faces, agents, planes };
  }

  function paperFaces(): object {
    const faces: Record<string, Faces> = {};
    for (const name of paper.channels.keys()) {
      faces[name] = {
        checks: Object.fromEntries(TARGETS.map((target) => [target, paper.check(name, target)])),
        census: paper.census(name),
        unreadable: paper.unreadable(name),
        sources: paper
          .sources(name)
          .map((survey) => {
            return describeSource({
              source: survey.source,
              fresh: paper.confirms(survey, name),
              settling: paper.settling(survey, name),
              failing: survey.failing ? {} : null,
              agents: [...survey.versions.values()].reduce((all, each) => all + each, 0),
            });
          })
          .sort(),
        older: paper.listing(name, (version) => order(version, '16.0.0') < 0),
        byVersion: Object.fromEntries(paper.versions().map((version) => [version, paper.at(name, version)])),
      };
    }
    const agents: Record<string, object> = {};
    for (const [id, agent] of [...paper.agents].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const version = paper.versionOf(agent);
      agents[id] = {
        version,
        channels: paper.channelsOf(agent),
        contested: version !== null && agent.low !== null,
        reverted: version !== null && agent.wentBackFrom !== null,
      };
    }
    const planes = { '17.5.0': paper.checkPlane(plane, '17.5.0'), '18.0.1': paper.checkPlane(plane, '18.0.1') };
    return { faces, agents, planes };
  }

  /** What the paper and each store say, to be compared. */
  async function faces(): Promise<{ paper: object; stores: { kind: string; faces: object }[] }> {
    const stores = await all(async (place) => ({ kind: place.store.kind, faces: short(await facesOf(place)) }));
    return { paper: short(paperFaces()), stores };
  }

  /** The names as the steps have them. */
  const short = (value: unknown): object => JSON.parse(JSON.stringify(value).replaceAll(run, ''));

  const check = async (name: string, target: string) => {
    const reports = await all(({ services }) => services.channels.check(named(name), target, ACTOR));
    return reports.map(verdictOf);
  };

  return { take, faces, check, paper, named, places, clock };
}

const GONE = { reason: 'gone' };
const SENDER = { actor: ACTOR, address: '192.0.2.1', sha256: () => '00' };
const URL = 'http://auth-1.example:3000/metrics';

function compareAnswers(given: string, expected: string): void {
  if (given !== expected) throw new Error(`the answer is ${given}, and on paper ${expected}`);
}

async function* instances({ entries, own }: Listing): AsyncGenerator<unknown> {
  const iso = (at: number | null) => (at === null ? undefined : new Date(at).toISOString());
  if (own !== null) {
    const spec = { version: 'v17.4.0', services: ['Auth', 'Proxy'], last_seen: iso(own) };
    yield { kind: 'instance', metadata: { name: 'auth-1' }, spec };
  }
  for (const { id, said, group, seen, expires } of entries) {
    const updater = group === null ? { ext_upgrader: 'unit' } : { updater_info: { update_group: group } };
    const spec = { version: said, services: ['Node'], last_seen: iso(seen), ...updater };
    yield { kind: 'instance', metadata: { name: id, expires: iso(expires) }, spec };
  }
}

const pageOf = (agents: Record<string, number>) =>
  [
    'teleport_registered_servers{version="17.4.0",automatic_updates="false"} 1',
    ...Object.entries(agents).map(
      ([version, count]) => `teleport_registered_servers{version="${version}",automatic_updates="true"} ${count}`,
    ),
    '',
  ].join('\n');

function tallyOf(agents: Record<string, number>): Map<string, number> {
  const tally = new Map<string, number>();
  for (const [said, count] of Object.entries(agents)) {
    if (count > 0) tally.set(written(said), (tally.get(written(said)) ?? 0) + count);
  }
  return tally;
}

interface SourceFace {
  source: string;
  fresh: boolean;
  settling: { from: number; to: number } | null;
  failing: object | null;
  agents: number;
}

const describeSource = ({ source, fresh, settling, failing, agents }: SourceFace): string => {
  const fall = settling ? `, fell from ${settling.from} to ${settling.to}` : '';
  return `${source}: ${agents} agents, ${fresh ? 'fresh' : 'old'}${fall}${failing ? ', fails' : ''}`;
};

/** Of the agents that are listed for a channel those that count there. */
const counting = (channel: string, agents: { id: string; channels: string[] }[]): string[] =>
  agents
    .filter(({ channels }) => channels.includes(channel))
    .map(({ id }) => id)
    .sort();

interface ReportFace {
  allowed: boolean;
  agents: number;
  stranded: number;
  reasons: { reason: string; channel?: string; version?: string; count?: number }[];
}

function verdictOf({ allowed, agents, stranded, reasons }: ReportFace): Verdict {
  const words = reasons.map(({ reason, channel, version, count }) => {
    const where = channel === undefined ? '' : ` ${channel}`;
    if (version === undefined) return `${reason}${where}`;
    return count === undefined ? `${reason}${where}: ${version}` : `${reason}${where}: ${count} at ${version}`;
  });
  return { allowed, agents, stranded, reasons: words.sort() };
}

const answer = (change: Promise<unknown>): Promise<string> =>
  change.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof FairwayError) return error.code;
      throw error;
    },
  );

/** A history, a line each, as it is to be read when it fails. */
export const tell = (steps: readonly Step[]): string => steps.map((step) => `  ${JSON.stringify(step)}`).join('\n');
