import { type Agent, NO_PAST, type Past, type Recording, recordOf, recordSighting } from '../../src/domain/agent.ts';
import { type Channel, createChannel, DEFAULT_SETTINGS, rollForward } from '../../src/domain/channel.ts';
import { type Rollout, stopRollout, takeStep } from '../../src/domain/rollout.ts';
import { countRollout } from '../../src/domain/rollout-count.ts';
import type { RolloutSettings } from '../../src/domain/rollout-settings.ts';
import { lookAhead, type RolloutFacts } from '../../src/domain/rollout-step.ts';
import { isTurnOf, prepareGroupOf, type Told, toldBy } from '../../src/domain/told.ts';
import { requireVersion } from '../../src/domain/version.ts';
import {
  ALL_AGENTS,
  beforeMove,
  isBaseOf,
  judgeMove,
  takeBase,
  type WatchBase,
  watchedGroups,
  watchedMove,
} from '../../src/domain/watch.ts';
import { DEFAULT_WATCH, WATCH_ACTOR, type WatchSettings } from '../../src/domain/watch-settings.ts';

export interface Scenario {
  agents: number;
  /** Null: no groups, so that the target is given to all at once. */
  rollout: RolloutSettings | null;
  watch?: WatchSettings;
  /** The share of each group, in the order of the groups; without groups, or with one, it is not needed. */
  shares?: readonly number[];
  /** The share of the agents that the release breaks, from 0 to 1. */
  broken: number;
  /** Of those that it breaks, the share that goes back to the start version after a while; the others fall silent. */
  reverting: number;
  seed: number;
  /** Minutes between two looks of the leader. */
  lookEvery: number;
  /** When the release is rolled forward; epoch milliseconds. */
  start: number;
  /** Everybody follows at once as far as the rollout knows, so nothing but windows and waits takes time. */
  ideal?: boolean;
}

export interface Outcome {
  /** Agents that installed the release and were broken by it. */
  hurt: number;
  /** Agents that installed it. */
  installed: number;
  /** Minutes until the watch halted the move, and why; null if it did not. */
  halted: { after: number; reason: string } | null;
  /** Minutes until every agent that can be reached ran the target; null if they never did. */
  everybody: number | null;
  /** What it waits for at the end. */
  next: string;
}

const NAME = 'stable/cloud';
const [START, TARGET] = ['16.4.6', '16.4.7'];
const MINUTE = 60_000;
/** Minutes. A shell updater remembers an answer for 30 and looks every 5; a slow agent is one whose host sleeps. */
const INTERVAL = { usual: 35, slow: 70 };
/** Minutes from the answer to the start of the new version. */
const INSTALL = 2;
/** Shares of hosts that have been away for hours, that are slow, and whose updater never follows. */
const ODD = { silent: 0.02, slow: 0.02, stays: 0.01 };
/** Minutes that a release that breaks an agent runs at most before it does. */
const LONGEST_LIFE = 15;
/** Minutes without a step after which the outcome is clear: longer than the watch, and than slow agents wait. */
const CLEAR_AFTER = 240;
/** The same after a halt: only those are left that were told and have not asked. */
const STOPPED_AFTER = 80;
const LONGEST = 21 * 24 * 60;
const CONTESTED_FOR = 60 * MINUTE;
/** Minutes for which agents ask before a look that follows a pause: longer than it takes to be heard again. */
const WAKE = 80;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the release does to an agent. */
const [FINE, REVERTS, DIES] = [0, 1, 2];

/** Minutes; an agent that runs the start version and installs nothing has `NEVER`. */
const NEVER = -1;

/** Agents, what they run, and what Fairway knows of them. */
class Fleet {
  readonly known: Agent[] = [];
  readonly #groups: string[] = [];
  /** From which minute on the agent runs the target. */
  readonly #since: Int32Array;
  readonly #fates: Uint8Array;
  /** Minutes that the release runs before it crashes. */
  readonly #lives: Uint8Array;
  readonly #stays: Uint8Array;
  readonly #hurt: Uint8Array;
  /** Those that ask in a minute, by the interval and the minute in it. */
  readonly #asking: { every: number; due: number[][] }[];
  #reachable = 0;
  #there = 0;
  installed = 0;
  hurt = 0;

  constructor({ agents, rollout, shares, broken, reverting, seed, start }: Scenario) {
    const roll = dice(seed);
    const names = rollout?.groups.map(({ name }) => name) ?? ['all'];
    this.#since = new Int32Array(agents).fill(NEVER);
    this.#fates = new Uint8Array(agents);
    this.#lives = new Uint8Array(agents);
    this.#stays = new Uint8Array(agents);
    this.#hurt = new Uint8Array(agents);
    const kinds = [INTERVAL.usual, INTERVAL.slow];
    this.#asking = kinds.map((every) => ({ every, due: Array.from({ length: every }, () => []) }));
    for (let nth = 0; nth < agents; nth++) {
      const group = pick(names, shares ?? [1], roll());
      const odd = roll();
      const isSilent = odd < ODD.silent;
      const isSlow = !isSilent && odd < ODD.silent + ODD.slow;
      const stays = !isSilent && !isSlow && odd < ODD.silent + ODD.slow + ODD.stays;
      const isBroken = roll() < broken;
      if (isBroken) this.#fates[nth] = roll() < reverting ? REVERTS : DIES;
      this.#lives[nth] = Math.floor(roll() * LONGEST_LIFE);
      this.#stays[nth] = stays ? 1 : 0;
      if (!isSilent && !stays && !isBroken) this.#reachable++;
      const asking = this.#asking[isSlow ? 1 : 0];
      const due = Math.floor(roll() * (asking?.every ?? 1));
      if (!isSilent) asking?.due[due]?.push(nth);
      this.#groups.push(group);
      const id = `${seed}-${nth}`;
      const at = start - (isSilent ? 600 : due) * MINUTE;
      this.known.push({ id, sightings: [sightingOf(id, group, START, at)], past: NO_PAST });
    }
  }

  /** Does every agent that can be reached, and that the release does not break, run the target? */
  get isThere(): boolean {
    return this.#there === this.#reachable;
  }

  /** All agents whose time it is ask, and do what they are told. */
  ask(minute: number, at: number, told: Told): void {
    const recording: Recording = { now: at, contestedFor: CONTESTED_FOR, targetOf: () => TARGET };
    for (const { every, due } of this.#asking) {
      for (const nth of due[minute % every] ?? []) {
        const runs = this.#runs(nth, minute);
        if (this.#isDead(nth, minute)) continue;
        this.#report(nth, runs ? TARGET : START, at, recording);
        if (runs) continue;
        const group = this.#groups[nth] as string;
        const turn = told.turns.get(group);
        const { id } = this.known[nth] as Agent;
        const served = !turn ? told.all : isTurnOf(turn, told.rollout, id) ? turn.told : turn.others;
        this.#follow(nth, minute, served.v1 === TARGET);
      }
    }
  }

  /** The agent says what it runs. One that says nothing new is seen again, and nothing else changes. */
  #report(nth: number, version: string, at: number, recording: Recording): void {
    const agent = this.known[nth] as Agent;
    const last = agent.sightings[0] as Agent['sightings'][number];
    if (last.version === version && agent.past === NO_PAST) {
      last.at = at;
      return;
    }
    const sighting = sightingOf(agent.id, this.#groups[nth] as string, version, at);
    const record = recordSighting(recordOf(agent), 'check-ins', sighting, recording);
    if (!record) return;
    agent.sightings = [sighting];
    agent.past = isNothing(record.past) ? NO_PAST : record.past;
  }

  #isDead(nth: number, minute: number): boolean {
    const since = this.#since[nth] as number;
    return this.#fates[nth] === DIES && since !== NEVER && minute >= since + (this.#lives[nth] as number);
  }

  #follow(nth: number, minute: number, isTarget: boolean): void {
    const since = this.#since[nth] as number;
    if (this.#stays[nth] || !isTarget || since !== NEVER) return;
    this.#since[nth] = minute + INSTALL;
    if (this.#fates[nth] === FINE) this.#there++;
    if (this.#fates[nth] !== FINE && !this.#hurt[nth]) {
      this.#hurt[nth] = 1;
      this.hurt++;
    }
    this.installed++;
  }

  #runs(nth: number, minute: number): boolean {
    const since = this.#since[nth] as number;
    if (since === NEVER || minute < since) return false;
    if (this.#fates[nth] !== REVERTS || minute < since + (this.#lives[nth] as number)) return true;
    this.#since[nth] = NEVER;
    return false;
  }
}

function pick(names: readonly string[], shares: readonly number[], roll: number): string {
  let sum = 0;
  const at = shares.findIndex((share) => {
    sum += share;
    return roll < sum;
  });
  return names[at] ?? names.at(-1) ?? '';
}

const isNothing = ({ reverted, contested, elsewhere }: Past) => !reverted && !contested && elsewhere.length === 0;

/** One literal, because a million agents ask. */
const sightingOf = (id: string, group: string, version: string, at: number): Agent['sightings'][number] => ({
  source: 'check-ins',
  id,
  channel: NAME,
  version,
  at,
  updater: 'unit',
  updaterVersion: null,
  group,
  enrolled: true,
  proven: true,
  updaterState: null,
  host: null,
  listing: null,
  expired: false,
});

/** The settings without canaries, waves and soaks. */
const atOnce = (settings: RolloutSettings): RolloutSettings => ({
  ...settings,
  groups: settings.groups.map((group) => ({ ...group, canaries: 0, waves: [100], soak: '0s' })),
});

/** What is known where all agents follow at once: no group misses an agent. */
const IDEAL: RolloutFacts = { counted: false, barred: null, groups: new Map() };

/** Lets a release go to a fleet, and says what came of it. */
export function simulate(scenario: Scenario): Outcome {
  const { watch = DEFAULT_WATCH, start, lookEvery } = scenario;
  const rollout = scenario.ideal && scenario.rollout ? atOnce(scenario.rollout) : scenario.rollout;
  const act = { by: 'token:ann', at: new Date(start), reason: 'a release' };
  const fleet = new Fleet(scenario);
  const created = { ...act, at: new Date(start - 30 * 24 * 60 * MINUTE) };
  const first = createChannel(NAME, { ...DEFAULT_SETTINGS, rollout, watch }, requireVersion(START), created);
  let channel = rollForward(first, requireVersion(TARGET), false, act);
  let base: WatchBase | null = null;
  let halted: Outcome['halted'] = null;
  let everybody: number | null = null;
  let lastStep = 0;
  let looksFrom = 0;
  let next = '';
  let told = toldBy(channel, act.at);

  let counted: { of: Rollout; at: number; facts: RolloutFacts } | null = null;

  /** Counted once for each look and step, as service/rollout-facts.ts does. */
  const factsOf = (of: Rollout, at: number): RolloutFacts => {
    if (scenario.ideal) return IDEAL;
    if (counted?.of !== of || counted.at !== at) counted = { of, at, facts: count(of, at) };
    return counted.facts;
  };
  const count = (of: Rollout, at: number): RolloutFacts => {
    const groupOf = of === channel.progress ? prepareGroupOf(channel, {})?.groupOf : () => ALL_AGENTS;
    const counting = countRollout(NAME, of, groupOf ?? (() => null), at, Date.parse(of.resumedAt ?? of.startedAt));
    counting.add(fleet.known);
    const { named, groups } = counting.end();
    return { counted: !named, barred: null, groups };
  };

  /** What service/watch.ts does at a look. */
  const judge = (at: number): string | null => {
    const move = watchedMove(channel, new Date(at));
    if (!move || channel.hold || scenario.ideal) return null;
    const facts = factsOf(move.rollout, at);
    if (!base || !isBaseOf(base, move)) base = takeBase(NAME, move, facts.groups, null, new Date(at));
    const before = beforeMove(move, base);
    const groups = watchedGroups(move).flatMap(({ settings }) => facts.groups.get(settings.name) ?? []);
    const controlPlane = { was: null, is: null };
    return judgeMove(watch, {
      ...{ groups, controlPlane, present: before.present, failedBefore: before.failed, conditions: [] },
    });
  };

  /** What service/rollouts.ts does at a look; the gate allows all of it. */
  const advance = (minute: number, at: number): void => {
    while (channel.progress && !channel.hold) {
      const { progress } = channel;
      const ahead = lookAhead(NAME, progress, factsOf(progress, at), new Date(at));
      next = ahead.next;
      if (!ahead.step) return;
      channel = { ...channel, progress: takeStep(progress, ahead.step, new Date(at)) };
      lastStep = minute;
    }
  };

  /** The minute to go on with: where only windows and waits are left, the one in which the next step is possible. */
  const awake = (minute: number): number => {
    const { progress } = channel;
    const isBusy = progress?.groups.some(({ state }) => state === 'canary' || state === 'active') ?? true;
    const isQuiet = minute >= looksFrom && minute - lastStep >= CLEAR_AFTER && minute % 10 === 0;
    if (!progress || isBusy || channel.hold || !isQuiet) return minute + 1;
    const facts = factsOf(progress, start + minute * MINUTE);
    for (let then = minute; then < LONGEST; then += 10) {
      const found = lookAhead(NAME, progress, facts, new Date(start + then * MINUTE)).step;
      if (!found) continue;
      if (then <= minute + WAKE) return minute + 1;
      // Who has not asked in a pause is not silent.
      looksFrom = then;
      return then - WAKE;
    }
    return minute + 1;
  };

  for (let minute = 0; minute < LONGEST; minute = awake(minute)) {
    const at = start + minute * MINUTE;
    fleet.ask(minute, at, told);
    if (minute % lookEvery === 0 && minute >= looksFrom) {
      const reason = judge(at);
      if (reason && !halted) {
        halted = { after: minute, reason };
        lastStep = minute;
        const by = { by: WATCH_ACTOR, at: new Date(at), reason };
        const { progress } = channel;
        const hold = { by: WATCH_ACTOR, at: by.at.toISOString(), reason };
        channel = { ...channel, hold, ...(progress ? { progress: stopRollout(progress, 'halt', by) } : {}) };
      }
      advance(minute, at);
      told = toldBy(channel, new Date(at));
    }
    if (fleet.isThere) everybody ??= minute + INSTALL;
    const isOver = channel.hold || !channel.progress || channel.progress.state === 'done' || waitsForPeople(channel);
    if (isOver && minute - lastStep > (channel.hold ? STOPPED_AFTER : CLEAR_AFTER)) break;
  }
  return { hurt: fleet.hurt, installed: fleet.installed, halted, everybody, next };
}

/** A group that has begun goes on within hours or not at all. */
const waitsForPeople = ({ progress }: Channel): boolean =>
  progress?.groups.some(({ state }) => state === 'canary' || state === 'active') ?? false;
