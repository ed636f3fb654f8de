import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import { type Channel, channelAt } from '../../src/domain/channel.ts';
import { FairwayError } from '../../src/domain/errors.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import { channelKey, type Stored, targetsOf } from '../../src/domain/snapshot.ts';
import type { ChangingVerb, VerbInput } from '../../src/service/channels.ts';
import { Paper } from '../support/paper.ts';
import { type Clock, DAY, HOUR, openWorkplace, SECOND, type Workplace } from '../support/store-services.ts';

/** All versions in the test, ascending, with what the oracle must know: release lines count from 4.2 on. */
const VERSIONS = {
  '4.2.5': { major: 4, line: 0, servable: true },
  '4.3.1': { major: 4, line: 1, servable: true },
  '4.4.0': { major: 4, line: 2, servable: true },
  '5.0.0': { major: 5, line: 3, servable: true },
  '5.1.0': { major: 5, line: 4, servable: true },
  '6.0.0': { major: 6, line: 5, servable: true },
  '6.1.0': { major: 6, line: 5, servable: true },
  '6.2.0': { major: 6, line: 5, servable: false }, // pulled
  '7.0.0': { major: 7, line: 6, servable: true },
  '7.3.2': { major: 7, line: 6, servable: true },
  '8.0.0-cloud.20260101T000000.abcdef': { major: 8, line: 7, servable: true },
  '8.0.0-rc.1': { major: 8, line: 7, servable: false }, // not accepted
  '8.0.0': { major: 8, line: 7, servable: true },
  '8.2.0': { major: 8, line: 7, servable: true },
} as const;
type V = keyof typeof VERSIONS;
const ALL = Object.keys(VERSIONS) as V[];
const PULLED = '6.2.0';
const FIRST_TARGET: V = '6.0.0';
const FIRST_PLANE: V = '7.0.0';

type Step =
  | { verb: 'roll-forward'; version: V; critical: boolean }
  | { verb: 'roll-back'; version: V | undefined; critical: boolean }
  | { verb: 'pin'; version: V | undefined; hours: number | undefined }
  | { verb: 'unpin' }
  | { verb: 'critical'; critical: boolean; hours: number | undefined }
  | { verb: 'withdraw' }
  | { event: 'wait'; hours: number }
  | { event: 'inventory'; versions: V[] }
  | { event: 'check-in'; agent: number; version: V }
  | { event: 'report'; version: V }
  | { event: 'sweep' };
type Act = Extract<Step, { verb: string }>;

const version = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<V>('5.1.0', '6.0.0', '6.1.0', '7.0.0', '7.3.2') },
  { weight: 2, arbitrary: fc.constantFrom(...ALL) },
);
const named = fc.option(version, { nil: undefined });
const hours = fc.option(fc.constantFrom(1, 12, 24, 48), { nil: undefined });
const critical = fc.boolean();
const verb = <K extends Act['verb']>(name: K) => fc.constant(name);
const event = <K extends Exclude<Step, Act>['event']>(name: K) => fc.constant(name);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ verb: verb('roll-forward'), version, critical }) },
  { weight: 4, arbitrary: fc.record({ verb: verb('roll-back'), version: named, critical }) },
  { weight: 2, arbitrary: fc.record({ verb: verb('pin'), version: named, hours }) },
  { weight: 1, arbitrary: fc.record({ verb: verb('unpin') }) },
  { weight: 1, arbitrary: fc.record({ verb: verb('critical'), critical, hours }) },
  { weight: 1, arbitrary: fc.record({ verb: verb('withdraw') }) },
  { weight: 3, arbitrary: fc.record({ event: event('wait'), hours: fc.constantFrom(1, 23, 24, 12 * 24, 31 * 24) }) },
  { weight: 2, arbitrary: fc.record({ event: event('inventory'), versions: fc.array(version, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ event: event('check-in'), agent: fc.nat({ max: 3 }), version }) },
  { weight: 2, arbitrary: fc.record({ event: event('report'), version }) },
  { weight: 1, arbitrary: fc.record({ event: event('sweep') }) },
);
const steps = fc.array(step, { minLength: 5, maxLength: 15, size: 'max' });

/** Reaches every answer that a verb can give, independent of the random runs. */
const GRAND_TOUR: Step[] = [
  { verb: 'roll-back', version: undefined, critical: false },
  { verb: 'roll-forward', version: '7.3.2', critical: true },
  { verb: 'roll-forward', version: '7.0.0', critical: false },
  { verb: 'roll-back', version: '8.0.0', critical: false },
  { verb: 'roll-forward', version: '8.0.0', critical: false },
  { event: 'report', version: '8.0.0' },
  { event: 'inventory', versions: ['7.0.0'] },
  { verb: 'pin', version: undefined, hours: 12 },
  { verb: 'roll-forward', version: '8.0.0', critical: false },
  { event: 'wait', hours: 12 },
  { verb: 'critical', critical: true, hours: 1 },
  { verb: 'roll-forward', version: '8.0.0', critical: false },
  { verb: 'withdraw' },
  { verb: 'pin', version: undefined, hours: undefined },
  { verb: 'roll-back', version: undefined, critical: false },
];

/** Covers which agents are known to run what, and for how long. */
const EVIDENCE_TOUR: Step[] = [
  { event: 'check-in', agent: 0, version: '5.1.0' },
  { verb: 'roll-forward', version: '7.0.0', critical: false }, // refused: it checks in
  { event: 'wait', hours: 24 },
  { event: 'sweep' },
  { verb: 'roll-forward', version: '7.0.0', critical: false },
  { event: 'report', version: '8.0.0' },
  { event: 'wait', hours: 28 * 24 },
  { verb: 'roll-forward', version: '8.0.0', critical: false }, // refused: 6.0.0 was served 28 days ago
  { event: 'inventory', versions: ['7.0.0'] },
  { event: 'check-in', agent: 0, version: '6.0.0' },
  { verb: 'roll-forward', version: '8.0.0', critical: false }, // refused: one source sees it at 6.0.0
  { event: 'wait', hours: 24 },
  { event: 'sweep' },
  { verb: 'roll-forward', version: '8.0.0', critical: false }, // refused: the inventory is stale, 6.0.0 counts again
  { event: 'inventory', versions: ['5.1.0'] },
  { verb: 'roll-back', version: '6.1.0', critical: false }, // refused: the control plane is at 8.0.0
  { event: 'wait', hours: 25 },
  { verb: 'roll-forward', version: '8.0.0', critical: false },
];

const LEGACY_TOUR: Step[] = [
  { event: 'inventory', versions: ['4.3.1'] },
  { event: 'report', version: '5.0.0' },
  { verb: 'roll-back', version: '5.0.0', critical: false },
  { verb: 'roll-back', version: '4.4.0', critical: false },
  { event: 'inventory', versions: ['4.4.0'] },
  { verb: 'roll-back', version: '4.2.5', critical: false },
  { verb: 'roll-back', version: '4.3.1', critical: false },
  { verb: 'roll-forward', version: '5.0.0', critical: false },
];

const TOURS: [Step[]][] = [[GRAND_TOUR], [EVIDENCE_TOUR], [LEGACY_TOUR]];

/** What could have been known about the agents. */
interface Known {
  now: number;
  target: V | null;
  plane: V;
  name: string;
  fleet: Paper;
}

/** Each version is another agent's, so that none goes back and forth. */
const agentOf = (run: string, index: number, version: V) => `${run}:${index}-${version}`;

/** Records events other than the channel's own changes. */
function learn(known: Known, happened: Exclude<Step, Act>): 'done' {
  const { now, name, fleet } = known;
  fleet.now = now;
  if (happened.event === 'inventory') {
    const entries = happened.versions.map((said, index) => {
      return { id: agentOf(name, index, said), said, group: null, seen: now, expires: null };
    });
    fleet.import({ plane: null, channel: name, mode: 'proven', entries, own: now });
  }
  if (happened.event === 'check-in') {
    const { agent, version } = happened;
    fleet.checkIn(agentOf(name, agent, version), name, version, true, now);
  }
  if (happened.event === 'report') known.plane = happened.version;
  if (happened.event === 'sweep') fleet.sweep();
  return 'done';
}

function retarget(known: Known, target: V | null): void {
  known.fleet.now = known.now;
  known.fleet.retarget(known.name, target);
  known.target = target;
}

/** The versions that agents run or must be presumed to run. */
function population({ fleet, name, now }: Known): V[] {
  fleet.now = now;
  return [...new Set(fleet.headcounts(name).flatMap((tally) => [...tally.keys()]))] as V[];
}

/** Why no agent should be told to run `target`: an oracle that shares no code with the gate. */
function objections(known: Known, target: V, wayOut = false): string[] {
  const present = wayOut ? known.target : null;
  const found = population(known)
    .filter((agent) => !isReachable(agent, target) && (present === null || isReachable(agent, present)))
    .map((agent) => `an agent at ${agent} cannot go to ${target}`);
  if (isRefused(known, target) && (present === null || !isRefused(known, present))) {
    found.push(`a control plane at ${known.plane} refuses agents at ${target}`);
  }
  if (!VERSIONS[target].servable) found.push(`${target} must not be served`);
  return found;
}

function isReachable(agent: V, target: V): boolean {
  const [from, to] = [VERSIONS[agent], VERSIONS[target]];
  const majors = to.major - from.major;
  return majors >= 0 && majors <= 1 && (to.major >= 6 || Math.abs(to.line - from.line) <= 1);
}

function isRefused({ plane }: Known, target: V): boolean {
  const behind = VERSIONS[plane].major - VERSIONS[target].major;
  return behind < 0 || behind > 1;
}

/** The way out of a bad target is not barred by what it strands already. */
const isWayOut = ({ target }: Known, verb: string, to: V) =>
  (verb === 'roll-back' || verb === 'pin') && target !== null && !isOlder(target, to);

/** The channel as a person would keep it on paper. */
interface Book extends Known {
  lineage: V[];
  /** Epoch milliseconds until which it is pinned; undefined if it is not pinned. */
  pinned: number | undefined;
  critical: number | undefined;
  revision: number;
  /** The number of all commits to the store. */
  commits: number;
}

const FOREVER = Number.POSITIVE_INFINITY;
const isOlder = (a: V, b: V) => ALL.indexOf(a) < ALL.indexOf(b);

function elapse(book: Book, now: number): void {
  book.now = now;
  if ((book.pinned ?? FOREVER) <= now) book.pinned = undefined;
  if ((book.critical ?? FOREVER) <= now) book.critical = undefined;
}

/** The expected answer to a verb. An accepted verb is entered into the book. */
function enter(book: Book, act: Act): string {
  const answer = judge(book, act);
  if (answer === 'done') book.revision = ++book.commits;
  return answer;
}

function judge(book: Book, act: Act): string {
  const pinned = book.pinned !== undefined;
  const end = (lasts: number | undefined) => (lasts === undefined ? FOREVER : book.now + lasts * HOUR);
  switch (act.verb) {
    case 'unpin':
      book.pinned = undefined;
      return 'done';
    case 'critical':
      if (act.critical && book.target !== null && cutsOff(book, book.target)) return 'refused';
      book.critical = act.critical ? end(act.hours) : undefined;
      return 'done';
    case 'withdraw':
      if (pinned) return 'channel_pinned';
      retarget(book, null);
      book.critical = undefined;
      return 'done';
    case 'pin': {
      const to = act.version ?? book.target;
      if (to === null) return 'invalid';
      if (to !== book.target && pinned) return 'channel_pinned';
      const answer = to === book.target ? 'done' : move(book, to, false, act.verb);
      if (answer === 'done') book.pinned = end(act.hours);
      return answer;
    }
    case 'roll-forward':
      if (pinned) return 'channel_pinned';
      if (book.target !== null && !isOlder(book.target, act.version)) return 'not_newer';
      return move(book, act.version, act.critical, act.verb);
    case 'roll-back': {
      const to = act.version ?? book.lineage.at(-2);
      if (to === undefined) return 'no_previous_target';
      if (pinned) return 'channel_pinned';
      const from = book.target ?? book.lineage.at(-1);
      if (from !== undefined && !isOlder(to, from)) return 'not_older';
      return move(book, to, act.critical, act.verb);
    }
  }
}

/** Would agents be hurried to where they are cut off? */
const cutsOff = (known: Known, target: V) =>
  isRefused(known, target) || population(known).some((agent) => !isReachable(agent, target));

function move(book: Book, to: V, critical: boolean, verb: Act['verb']): string {
  if (objections(book, to, isWayOut(book, verb, to)).length > 0) return 'refused';
  retarget(book, to);
  book.lineage = [...book.lineage.filter((step) => isOlder(step, to)), to];
  book.critical = critical ? FOREVER : undefined;
  return 'done';
}

/** The fields of a book and of a channel that are compared. */
function pageOf({ target, lineage, pinned, critical, revision }: Book) {
  return { target, lineage, pinned, critical, revision };
}
function pageAbout({ target, lineage, pin, critical, revision }: Stored<Channel>): object {
  const end = (mark: Channel['pin']) => (mark ? (mark.until ? Date.parse(mark.until) : FOREVER) : undefined);
  return { target, lineage, pinned: end(pin), critical: end(critical), revision };
}

const ACTOR = { name: 'token:model', role: 'operator' } as const;
const REQUEST = { actor: ACTOR, ifMatch: null, dryRun: false };
const SENDER = { actor: ACTOR, address: '192.0.2.1', sha256: () => '00' };

/** The services over a store; each run has its own channel, control plane and agents. */
function createWorld(place: Workplace, clock: Clock) {
  let runs = 0;
  const { store, fence } = place;
  const { channels, controlPlanes: planes, fleet, inventories, state } = place.services;
  const now = () => new Date(clock.at);

  async function begin() {
    const run = `run-${++runs}`;
    await planes.report(run, FIRST_PLANE, REQUEST);
    const { channel } = await channels.put(run, { controlPlane: run, target: FIRST_TARGET }, REQUEST);
    const paper = new Paper('token', clock.at, 30 * DAY);
    paper.add(run, run, FIRST_TARGET);
    const known: Known = { now: clock.at, target: FIRST_TARGET, plane: FIRST_PLANE, name: run, fleet: paper };
    return { known, revision: channel.revision, take: (next: Step) => take(run, next), read: () => channels.read(run) };
  }

  /** Returns the code of a refusal, or `done`. */
  async function take(run: string, next: Step): Promise<string> {
    if ('verb' in next) return answer(channels.act(run, next.verb satisfies ChangingVerb, input(next), REQUEST));
    if (next.event === 'inventory') {
      const target = { channel: run, mode: 'proven' as const };
      await inventories.importInventory(target, inventory(run, next.versions, now()), SENDER);
    }
    if (next.event === 'check-in') {
      const options = { now: clock.at, contestedFor: HOUR, targets: targetsOf(state.snapshot()) };
      await store.recordSightings('check-ins', [sighting(run, next)], options);
    }
    if (next.event === 'report') await planes.report(run, next.version, REQUEST);
    if (next.event === 'sweep') await fleet.sweep(fence);
    return 'done';
  }

  function input(act: Act): VerbInput {
    const { verb: _, ...rest } = act;
    if (!('hours' in rest)) return { reason: 'chance', ...rest };
    const { hours: lasts, ...others } = rest;
    const until = lasts === undefined ? undefined : new Date(clock.at + lasts * HOUR).toISOString();
    return { reason: 'chance', ...others, until };
  }

  const sighting = (run: string, { agent, version }: { agent: number; version: V }): Sighting => ({
    id: agentOf(run, agent, version),
    channel: run,
    version,
    at: clock.at,
    updater: 'unit',
    updaterVersion: null,
    group: null,
    enrolled: true,
    proven: true,
    updaterState: null,
    host: null,
    listing: null,
    expired: false,
  });

  /** The time at which the step is taken. */
  function pass(next: Step): number {
    clock.at += SECOND;
    if ('event' in next && next.event === 'wait') clock.at += next.hours * HOUR;
    return clock.at;
  }

  return { begin, pass, now };
}

async function* inventory(run: string, versions: V[], now: Date): AsyncGenerator<unknown> {
  const seen = { last_seen: now.toISOString() };
  // The control plane's own servers are in every inventory, and never enrolled.
  const own = { ...seen, version: 'v1.0.0', services: ['Auth'] };
  yield { kind: 'instance', metadata: { name: `${run}:auth` }, spec: own };
  for (const [agent, version] of versions.entries()) {
    const spec = { ...seen, version: `v${version}`, ext_upgrader: 'unit' };
    yield { kind: 'instance', metadata: { name: agentOf(run, agent, version) }, spec };
  }
}

const answer = (change: Promise<unknown>) =>
  change.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof FairwayError) return error.code;
      throw error;
    },
  );

describe.each([
  { kind: 'embedded', numRuns: 60 },
  { kind: 'redis', numRuns: 25 },
] as const)('through the services on the $kind store', ({ kind, numRuns }) => {
  const clock: Clock = { at: Date.parse('2026-03-01T12:00:00Z') };
  let place: Workplace;
  let world: ReturnType<typeof createWorld>;

  beforeAll(async () => {
    place = await openWorkplace(kind, clock);
    const { state } = place.services;
    const pulled = { reason: 'bad', by: 'token:model', at: '2026-01-01T00:00:00.000Z' };
    const release: Release = { ...listedRelease({ version: PULLED, cutAt: null, security: false }), pulled };
    const key = `release/${PULLED}`;
    const audit = {
      at: pulled.at,
      actor: pulled.by,
      action: 'pull',
      subject: key,
      reason: '',
      before: null,
      after: null,
    };
    await state.commit([{ key, ifRevision: 0, value: release }], audit);
    world = createWorld(place, clock);
  });

  afterAll(async () => {
    await place.close();
  });

  it('no sequence of accepted changes leads to a target that strands a known agent', async () => {
    let moves = 0;
    const property = fc.asyncProperty(steps, async (sequence) => {
      const { known, take, read } = await world.begin();
      for (const next of sequence) {
        known.now = world.pass(next);
        await take(next);
        if ('event' in next) learn(known, next);
        const target = read().target as V | null;
        if (target === known.target) continue;
        const wayOut = target !== null && 'verb' in next && isWayOut(known, next.verb, target);
        if (target !== null) expect(objections(known, target, wayOut)).toEqual([]);
        retarget(known, target);
        moves++;
      }
    });
    await fc.assert(property, { numRuns, examples: TOURS });
    expect(moves).toBeGreaterThan(numRuns / 2);
  });

  it('channels agree with a model kept on paper, and the audit chain holds', async () => {
    const answers = new Set<string>();
    const property = fc.asyncProperty(steps, async (sequence) => {
      const { known, revision, take, read } = await world.begin();
      const book: Book = {
        ...known,
        lineage: [FIRST_TARGET],
        pinned: undefined,
        critical: undefined,
        revision,
        commits: revision,
      };
      for (const next of sequence) {
        elapse(book, world.pass(next));
        // Only a report with a new version is kept.
        if ('event' in next && next.event === 'report' && next.version !== book.plane) book.commits++;
        if ('event' in next && next.event === 'inventory') book.commits++;
        const expected = 'verb' in next ? enter(book, next) : learn(book, next);
        const given = await take(next);
        answers.add(given);
        expect(given).toBe(expected);
        expect(pageAbout(read())).toEqual(pageOf(book));
        expect(await place.store.revision()).toBe(book.commits);
      }
      const stored = (await place.store.load()).documents.find(({ key }) => key === channelKey(read().name));
      expect({ ...channelAt(stored?.value as Channel, world.now()), revision: stored?.revision }).toEqual(read());
    });
    await fc.assert(property, { numRuns, examples: TOURS });
    expect([...answers].sort()).toEqual([
      'channel_pinned',
      'done',
      'invalid',
      'no_previous_target',
      'not_newer',
      'not_older',
      'refused',
    ]);
    const { intact, entries } = await place.services.audit.verify();
    expect({ intact, entries }).toEqual({ intact: true, entries: await place.store.revision() });
  });
});
