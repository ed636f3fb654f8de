import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import { channelAt } from '../../src/domain/channel.ts';
import { FairwayError } from '../../src/domain/errors.ts';
import type { GroupProgress, Rollout } from '../../src/domain/rollout.ts';
import { DEFAULT_GROUP, type RolloutSettings } from '../../src/domain/rollout-settings.ts';
import { targetsOf } from '../../src/domain/snapshot.ts';
import type { Store } from '../../src/domain/store.ts';
import { prepareGroupOf, servedTo } from '../../src/domain/told.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { openState } from '../../src/service/state.ts';
import { createServices, type Services } from '../../src/services.ts';
import { openStore } from '../../src/store/open.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { DAY, MINUTE, settingsWith } from '../support/store-services.ts';

// The same history is told to a calm place, where one server drives and nothing happens to it, and to a stormy one:
// servers die at their commits, before or after the store has taken them, two drive at once, and one that was paused
// goes on as if it still led. Both must write the same transitions and tell agents the same.

const NAME = 'stable/cloud';
const PATIENT = 10_000;
const AT = Date.parse('2026-03-01T12:00:00Z');
const ACTOR = { name: 'token:ann', role: 'admin' } as const;
const REQUEST = { actor: ACTOR, ifMatch: null, dryRun: false };
const RELEASES = ['16.4.6', '16.4.7', '16.4.8'];
const log = pino({ level: 'silent' });
const settings = settingsWith((shipped) => ({ fleet: { ...shipped.fleet, enrolment: { mode: 'open', tokens: [] } } }));

const group = (name: string, more: object) => ({ ...DEFAULT_GROUP, name, match: [name], ...more });
const ROLLOUT: RolloutSettings = {
  ...{ strategy: 'halt-on-error', unmatched: 'last' },
  groups: [group('dev', { canaries: 1, waves: [40, 100] }), group('prod', { waves: [20, 60, 100], soak: '10m' })],
};
/** v1 updaters that say who they are; those with an even number are in dev. */
const AGENTS = Array.from({ length: 10 }, (_, nth) => ({ id: `agent-${nth}`, group: nth % 2 ? 'prod' : 'dev' }));
type TestAgent = (typeof AGENTS)[number];

/** How a server of the stormy place dies at a look: at which of its commits, and whether the store took that one. */
interface Death {
  commit: number;
  taken: boolean;
}

type Step =
  | { ask: number[]; server: number; does: 'follows' | 'stays' | 'goes back' }
  | { look: number; deaths: Death[]; beside: 'nobody' | 'another' | 'paused' }
  | { verb: 'pause' | 'resume' | 'roll-back' | 'start'; server: number }
  | { forward: number }
  | { pass: number };

const death = fc.record({ commit: fc.integer({ min: 1, max: 4 }), taken: fc.boolean() });
const server = fc.nat(2);
const all = AGENTS.map((_, nth) => nth);
const asked = fc.oneof({ weight: 3, arbitrary: fc.constant(all) }, fc.subarray(all, { minLength: 1 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ask: asked,
      server,
      does: fc.constantFrom('follows' as const, 'follows' as const, 'follows' as const, 'stays', 'goes back'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      look: server,
      deaths: fc.array(death, { maxLength: 3 }),
      beside: fc.constantFrom('nobody' as const, 'another', 'paused'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ verb: fc.constantFrom('pause' as const, 'resume', 'resume', 'roll-back', 'start'), server }),
  },
  { weight: 1, arbitrary: fc.record({ forward: server }) },
  { weight: 2, arbitrary: fc.record({ pass: fc.constantFrom(1, 5, 11, 60) }) },
);
const histories = fc.array(step, { minLength: 5, maxLength: 30, size: 'max' });

class Killed extends Error {}

/** A server of the place. One that was killed calls its store no more. */
interface Replica {
  services: Services;
  /** Dies at the commit; null: it lives. */
  doom(death: Death | null): void;
  close(): Promise<void>;
}

const clock = { at: AT };
const now = () => new Date(clock.at);

async function openReplica(store: Store): Promise<Replica> {
  let doom: Death | null = null;
  let commits = 0;
  const commit: Store['commit'] = async (change) => {
    commits++;
    const dies = doom !== null && commits >= doom.commit;
    if (dies && (commits > (doom?.commit ?? 0) || !doom?.taken)) throw new Killed('before the commit');
    const result = await store.commit(change);
    if (dies) throw new Killed('after the commit');
    return result;
  };
  const mortal: Store = { ...store, commit };
  const state = await openState({ store: mortal, saved: unsaved, compareEvery: DAY, now, log });
  const { observer } = createMetrics();
  const services = createServices({ store: mortal, state, settings, observer, tracer: untraced, now, log });
  return {
    services,
    doom(death) {
      doom = death;
      commits = 0;
    },
    close: () => state.close(),
  };
}

/** Servers on one store, one of which leads. */
class Place {
  readonly replicas: Replica[] = [];
  #leader = 0;
  #fence = 0;
  #pausedFence: number | null = null;

  readonly stores: Store[] = [];

  static async of(open: () => Promise<Store>, count: number): Promise<Place> {
    const place = new Place();
    for (let nth = 0; nth < count; nth++) {
      const store = await open();
      place.stores.push(store);
      place.replicas.push(await openReplica(store));
    }
    await place.#lead(0);
    return place;
  }

  at(nth: number): Replica {
    return this.replicas[nth % this.replicas.length] as Replica;
  }

  #store(nth: number): Store {
    return this.stores[nth % this.stores.length] as Store;
  }

  async #lead(nth: number): Promise<void> {
    await this.#store(this.#leader).releaseLease(`server-${this.#leader}`);
    if (this.#fence > 0) this.#pausedFence = this.#fence;
    this.#leader = nth % this.replicas.length;
    const fence = await this.#store(nth).acquireLease(`server-${this.#leader}`, DAY);
    if (fence === null) throw new Error('nobody leads');
    this.#fence = fence;
  }

  /** A leader's round; if it dies, the next server takes over. */
  async look(nth: number, deaths: readonly Death[], beside: 'nobody' | 'another' | 'paused'): Promise<void> {
    if (nth % this.replicas.length !== this.#leader) await this.#lead(nth);
    for (const death of deaths) {
      const dying = this.#leader;
      this.at(dying).doom(death);
      await round(this.at(dying), this.#fence);
      await this.at(dying).close();
      this.replicas[dying] = await openReplica(this.#store(dying));
      await this.#lead(dying + 1);
    }
    // One that was paused does what it did before, with its old fence; another one has the fence and is as fast.
    const fence = beside === 'paused' ? this.#pausedFence : beside === 'another' ? this.#fence : null;
    const other = fence === null ? null : round(this.at(this.#leader + 1), fence);
    await Promise.all([round(this.at(this.#leader), this.#fence), other]);
    await this.refresh();
    // A race that the leader has lost is none that it has finished.
    await round(this.at(this.#leader), this.#fence);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    for (const { services } of this.replicas) await services.state.refresh();
  }

  progress(nth: number): Rollout | null {
    return this.at(nth).services.state.snapshot().channels.get(NAME)?.progress ?? null;
  }

  told(nth: number, agent: TestAgent): string | null {
    const channel = this.at(nth).services.state.snapshot().channels.get(NAME);
    if (!channel) throw new Error('there is no channel');
    const groupOf = prepareGroupOf(channel, {})?.groupOf ?? null;
    return servedTo(channelAt(channel, now()), groupOf, agent, now()).v1;
  }

  async checkIn(ids: readonly TestAgent[], runs: ReadonlyMap<string, string>): Promise<void> {
    const sightings = ids.map(
      ({ id, group: its }): Sighting => ({
        ...{ id, channel: NAME, version: runs.get(id) ?? '', at: clock.at, updater: 'unit', updaterVersion: null },
        ...{ group: its, enrolled: true, proven: true, updaterState: null, host: null, listing: null, expired: false },
      }),
    );
    const targets = targetsOf(this.at(0).services.state.snapshot());
    await this.#store(0).recordSightings('check-ins', sightings, { now: clock.at, contestedFor: 0, targets });
  }

  /** What happened, in the words of the audit log. */
  async history(): Promise<object[]> {
    const entries = await this.at(0).services.audit.list({ limit: 500 }, ACTOR);
    return entries.map(({ at, actor, action, subject, reason, after }) => {
      const { rollout, group: its, groupState, wave, canaries } = (after ?? {}) as Record<string, unknown>;
      return { at, actor, action, subject, reason, rollout, group: its, groupState, wave, canaries };
    });
  }

  async close(): Promise<void> {
    for (const { close } of this.replicas) await close();
    for (const store of new Set(this.stores)) await store.close();
  }
}

/** What the leader does every few seconds. A look that fails is tried again by the next round. */
async function round({ services }: Replica, fence: number): Promise<void> {
  await services.watch.look(fence);
  await services.rollouts.advance(fence);
}

/** As docs/rollouts.md gives the number of an agent, written once more. */
function numberOf(rollout: string, id: string): number {
  const hex = createHash('sha256').update(`${rollout}:${id}`).digest('hex');
  return Number(BigInt(`0x${hex.slice(0, 13)}`)) / 2 ** 52;
}

/** Has the agent's turn come, by the table in docs/rollouts.md? */
function isTurn({ id }: Rollout, { state, wave, canaries }: GroupProgress, agent: TestAgent): boolean {
  const isCanary = canaries.some((each) => each.id === agent.id);
  if (state === 'canary') return isCanary;
  if (state === 'active') return isCanary || numberOf(id, agent.id) < wave / 100;
  return state === 'done';
}

const RANKS = ['unstarted', 'canary', 'active', 'done'];

/** Looks at everything that a place tells and writes, and remembers what must not be taken back. */
class Rules {
  readonly #told = new Map<string, Set<string>>();
  readonly #furthest = new Map<string, number>();

  /** Whoever was told the target stays told, on every server, until the group is rolled back. */
  check(place: Place, wasStopped: boolean): void {
    for (const nth of place.replicas.keys()) {
      const channel = place.at(nth).services.state.snapshot().channels.get(NAME);
      const rollout = place.progress(nth);
      if (!channel || !rollout || channel.target !== rollout.to) continue;
      const told = this.#told.get(rollout.id) ?? new Set();
      this.#told.set(rollout.id, told);
      for (const progress of rollout.groups) {
        const { settings: its, state, wave, from } = progress;
        for (const agent of AGENTS.filter((each) => each.group === its.name)) {
          const version = place.told(nth, agent);
          const turn = rollout.state === 'done' || isTurn(rollout, progress, agent);
          expect(version, `${agent.id} of ${its.name}, which is ${state} at ${wave} %`).toBe(turn ? rollout.to : from);
          if (turn && !told.has(agent.id)) expect(wasStopped, `${agent.id} is new in a stopped rollout`).toBe(false);
          if (!turn && state !== 'rolledback' && state !== 'unstarted') expect(told).not.toContain(agent.id);
          if (turn) told.add(agent.id);
        }
        const key = `${rollout.id} ${its.name}`;
        if (state === 'rolledback') this.#furthest.delete(key);
        else {
          const far = RANKS.indexOf(state) * 1_000 + wave;
          expect(far, `${its.name} is ${state} at ${wave} %`).toBeGreaterThanOrEqual(this.#furthest.get(key) ?? 0);
          this.#furthest.set(key, far);
        }
      }
    }
  }
}

const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error) => {
      if (error instanceof FairwayError) return error.code;
      throw error;
    },
  );

async function tell(places: readonly [calm: Place, stormy: Place], history: readonly Step[]): Promise<void> {
  const [calm, stormy] = places;
  const runs = new Map(AGENTS.map(({ id }) => [id, RELEASES[0] as string]));
  const rules = new Rules();
  let release = 0;
  for (const place of places) {
    await place.at(0).services.channels.put(NAME, { target: RELEASES[0], rollout: ROLLOUT }, REQUEST);
    await place.refresh();
    await place.checkIn(AGENTS, runs);
  }

  const forward = async (nth: number) => {
    const input = { version: RELEASES[Math.min(++release, RELEASES.length - 1)] as string, reason: 'a release' };
    return both((place) => outcomeOf(place.at(nth).services.channels.act(NAME, 'roll-forward', input, REQUEST)));
  };
  const both = async (work: (place: Place) => Promise<string>) => {
    const [expected, found] = [await work(calm), await work(stormy)];
    expect(found).toBe(expected);
    for (const place of places) await place.refresh();
  };
  await forward(0);

  for (const each of history) {
    clock.at += 1_000;
    const before = stormy.progress(0);
    const wasStopped = before?.state === 'halted' || before?.state === 'paused';
    if ('pass' in each) clock.at += each.pass * MINUTE;
    else if ('look' in each) {
      await calm.look(0, [], 'nobody');
      await stormy.look(each.look, each.deaths, each.beside);
    } else if ('forward' in each) await forward(each.forward);
    else if ('verb' in each) {
      await both((place) =>
        outcomeOf(place.at(each.server).services.rollouts.act(NAME, each.verb, { reason: 'chance' }, REQUEST)),
      );
    } else {
      const asking = each.ask.map((nth) => AGENTS[nth] as TestAgent);
      for (const agent of asking) {
        const version = stormy.told(each.server, agent);
        expect(calm.told(0, agent)).toBe(version);
        if (each.does === 'follows' && version !== null) runs.set(agent.id, version);
        if (each.does === 'goes back') runs.set(agent.id, RELEASES[0] as string);
      }
      for (const place of places) await place.checkIn(asking, runs);
    }
    const isSame = before?.id === stormy.progress(0)?.id;
    rules.check(stormy, isSame && wasStopped && !('verb' in each));
  }
  const written = await calm.history();
  expect(written.length).toBeGreaterThan(2);
  expect(await stormy.history()).toEqual(written);
}

describe('a rollout, after any asking, crashes, races, pauses and failovers', () => {
  let redis: RedisProcess;
  let admin: Redis;
  let root: string;
  let runs = 0;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairway-rollouts-'));
    redis = await startRedis({ args: ['--appendonly', 'no'] });
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
    await rm(root, { recursive: true, force: true });
  });

  const embedded = () => openStore({ redis: null, dataDir: join(root, String(runs++)), deadline: PATIENT, log });
  const onRedis = async () => {
    const store = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: PATIENT, log });
    await vi.waitFor(() => store.revision(), { interval: 1 });
    return store;
  };

  it.each([
    ['embedded, on one server', 1],
    ['on Redis, on three servers', 3],
  ] as const)(
    'goes on as if nothing had happened, and keeps its promises (%s)',
    async (_, servers) => {
      const property = fc.asyncProperty(histories, async (history) => {
        clock.at = AT;
        await admin.flushall();
        const calm = await Place.of(embedded, 1);
        const stormy = await Place.of(servers > 1 ? onRedis : embedded, servers);
        try {
          await tell([calm, stormy], history);
        } finally {
          await calm.close();
          await stormy.close();
        }
      });
      // A history takes a second of CPU time, twenty times that of evidence.
      const numRuns = Math.ceil(Number(process.env.HISTORIES ?? 40) / 20);
      await fc.assert(property, { numRuns, seed: Number(process.env.SEED ?? 13), endOnFailure: true });
    },
    600_000,
  );
});
