import {
  type Agent,
  type AgentRecord,
  channelsOf,
  countedVersion,
  currentSighting,
  marksOf,
  recordOf,
  type UpdaterKind,
} from './agent.ts';
import { compareAgentVersions } from './agent-version.ts';
import { type Canary, type GroupProgress, numberOf, type Rollout } from './rollout.ts';
import { MAX_CANARIES } from './rollout-settings.ts';
import type { CanaryFacts, GroupFacts } from './rollout-step.ts';
import { type GroupOf, isTurnOf, type Turn, turnOf } from './told.ts';

const MINUTE_MS = 60_000;
/**
 * Minutes between two questions of an updater, at most (docs/updaters.md): a shell updater looks every 5 min, give or
 * take one, and remembers an answer for 30 min; teleport-update looks every 10 min. How often a Kubernetes updater asks
 * is not known.
 */
const INTERVALS: Partial<Record<UpdaterKind, number>> = { unit: 36, binary: 11 };
/** Minutes. An updater that is busy with an update asks late. */
const LEAST_SILENCE = 30;
/** Minutes. Inventories are taken less often than agents check in. */
const UNLISTED = 24 * 60;

/** Milliseconds without a word after which an agent is no longer heard: two of its updater's intervals. */
export function silentAfter({ checkIn, inventory }: AgentRecord): number {
  const kind = checkIn?.updater ?? inventory?.updater ?? null;
  const own = 2 * ((kind && INTERVALS[kind]) ?? 0);
  return (checkIn?.enrolled ? Math.max(own, LEAST_SILENCE) : UNLISTED) * MINUTE_MS;
}

interface Counting {
  group: GroupProgress;
  turn: Turn;
  facts: Omit<GroupFacts, 'eligible' | 'canaries'>;
  /** Candidates for canaries with their numbers, ascending. */
  eligible: { number: number; canary: Canary }[];
  canaries: Map<string, CanaryFacts>;
}

/** The id by which the agent asks: a v2 updater has one of its own. */
export const asksAs = (id: string, { inventory, checkIn }: AgentRecord): string =>
  checkIn ? id : (inventory?.updateId ?? id);

/** Counts the agents of a rollout's groups, one page after the other; reverts count from `since` on. */
export interface RolloutCount {
  add(agents: readonly Agent[]): void;
  end(): { named: boolean; groups: Map<string, GroupFacts> };
}

export function countRollout(
  channel: string,
  rollout: Rollout,
  groupOf: GroupOf,
  now: number,
  since = 0,
): RolloutCount {
  let named = false;
  const at = new Date(now);
  const counts = new Map(
    rollout.groups.map((group): [string, Counting] => [
      group.settings.name,
      {
        group,
        turn: turnOf(group, rollout, false, at),
        facts: {
          ...{ agents: 0, heard: 0, told: 0, toldAtTarget: 0, atTarget: 0 },
          ...{ reverted: 0, failed: 0, pinned: 0, anonymous: 0 },
          names: { reverted: [], silent: [], failed: [] },
        },
        eligible: [],
        canaries: new Map(),
      },
    ]),
  );

  function addOne(agent: Agent): void {
    const record = recordOf(agent);
    const current = currentSighting(record);
    if (!current || !channelsOf(record).includes(channel)) return;
    named = true;
    const { inventory, checkIn, past } = record;
    const id = asksAs(agent.id, record);
    const counting = counts.get(groupOf(current.group ?? inventory?.group ?? null) ?? '');
    if (!counting) return;
    const { facts, group, turn } = counting;
    const version = countedVersion(record) ?? current.version;
    const isThere = compareAgentVersions(version, rollout.to) === 0;
    const isHeard = now - current.at <= silentAfter(record);
    const begun = Math.max(Date.parse(group.startedAt ?? ''), since);
    const { reverted } = past;
    const isBack = reverted !== null && reverted.at >= begun && compareAgentVersions(reverted.from, rollout.to) === 0;
    const marks = marksOf(record);
    const isStuck = marks.includes('pinned') || marks.includes('disabled');
    const isFailing = marks.includes('failing') || marks.includes('unreadable');
    // v1 updaters say who they are in a check-in or not at all; v2 updaters always do.
    const says = checkIn !== null || current.updater === 'binary';
    facts.agents++;
    if (!says) facts.anonymous++;
    if (isHeard) facts.heard++;
    if (isThere) facts.atTarget++;
    if (isBack) facts.reverted++;
    if (isFailing) facts.failed++;
    const name = inventory?.host ?? id;
    if (isBack) note(facts.names.reverted, name);
    if (isFailing) note(facts.names.failed, name);
    if (!isHeard && group.state !== 'unstarted') note(facts.names.silent, name);
    if (isStuck) facts.pinned++;
    if (group.state !== 'unstarted' && isTurnOf(turn, rollout.id, says ? id : undefined)) {
      facts.told++;
      if (isThere && isHeard) facts.toldAtTarget++;
    }
    if (turn.canaries.has(id)) {
      const state = isBack ? 'reverted' : isThere ? 'at-target' : isHeard ? 'told' : 'silent';
      const freshFor = checkIn?.enrolled ? silentAfter(record) : undefined;
      counting.canaries.set(id, { id, host: inventory?.host ?? null, state, seenAt: current.at, freshFor });
    }
    const isAtStart = group.from === null || compareAgentVersions(version, group.from) === 0;
    if (group.state === 'unstarted' && says && isHeard && isAtStart && marks.length === 0) {
      propose(counting, numberOf(rollout.id, id), { id, host: inventory?.host ?? null });
    }
  }

  return {
    add(agents) {
      for (const agent of agents) addOne(agent);
    },
    end() {
      const groups = new Map(
        [...counts].map(([name, { facts, group, eligible, canaries }]): [string, GroupFacts] => [
          name,
          {
            ...facts,
            eligible: eligible.map(({ canary }) => canary),
            canaries: group.canaries.map(
              (canary) => canaries.get(canary.id) ?? { ...canary, state: 'silent', seenAt: null },
            ),
          },
        ]),
      );
      return { named, groups };
    },
  };
}

const MOST_NAMES = 5;

function note(names: string[], name: string): void {
  if (names.length < MOST_NAMES) names.push(name);
}

/** Keeps the candidates with the lowest numbers. */
function propose({ eligible, group }: Counting, number: number, canary: Canary): void {
  if (group.settings.canaries === 0) return;
  if (eligible.length >= MAX_CANARIES && number >= (eligible.at(-1)?.number ?? 1)) return;
  eligible.push({ number, canary });
  eligible.sort((a, b) => a.number - b.number);
  if (eligible.length > MAX_CANARIES) eligible.pop();
}
