import {
  type Agent,
  type AgentRecord,
  channelsOf,
  countedVersion,
  currentSighting,
  marksOf,
  recordOf,
} from './agent.ts';
import { compareAgentVersions } from './agent-version.ts';
import { type Canary, type GroupProgress, numberOf, type Rollout } from './rollout.ts';
import { MAX_CANARIES } from './rollout-settings.ts';
import type { CanaryFacts, GroupFacts } from './rollout-step.ts';
import { type GroupOf, isTurnOf, type Turn, turnOf } from './told.ts';

/** Milliseconds without a word after which an agent is no longer heard, see `RolloutCount`. */
export interface Hearing {
  /** An agent that checks in by itself. Updaters ask at least every 10 min, and one may fail once. */
  checkIns: number;
  /** An agent that only inventories name; they are taken less often. */
  inventory: number;
}

export const DEFAULT_HEARING: Hearing = { checkIns: 30 * 60 * 1_000, inventory: 24 * 60 * 60 * 1_000 };

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
  hearing: Hearing = DEFAULT_HEARING,
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
    const silence = now - current.at;
    const isHeard = silence <= (checkIn?.enrolled ? hearing.checkIns : hearing.inventory);
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
      if (isThere) facts.toldAtTarget++;
    }
    if (turn.canaries.has(id)) {
      const state = isBack ? 'reverted' : isThere ? 'at-target' : isHeard ? 'told' : 'silent';
      counting.canaries.set(id, { id, host: inventory?.host ?? null, state, seenAt: current.at });
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
