import { parseDuration } from '../domain/duration.ts';
import { type PromotionGate, QUERY_FAILED } from '../domain/promotion-gates.ts';
import type { WatchCondition } from '../domain/watch-settings.ts';
import { clock } from '../domain/words.ts';

/** Asks Prometheus whether a condition holds. */
export interface AskConditions {
  check(condition: Pick<WatchCondition, 'name' | 'query'>, how?: { fresh?: boolean }): Promise<PromotionGate>;
}

/** Finds the conditions that have failed for too long: one bad sample says little. */
export interface LastingConditions {
  /** `of` names what the conditions belong to. A condition that cannot be checked says nothing. */
  failing(of: string, wanted: readonly WatchCondition[]): Promise<string[]>;
  /** Forgets since when conditions fail of all that `isKept` does not keep. */
  prune(isKept: (of: string) => boolean): void;
}

export function createLastingConditions(conditions: AskConditions, now: () => Date): LastingConditions {
  /** Since when each condition fails, by what it belongs to; epoch milliseconds. */
  const since = new Map<string, Map<string, number>>();

  return {
    async failing(of, wanted) {
      const gates = await Promise.all(wanted.map((condition) => conditions.check(condition)));
      const at = now().getTime();
      const known = since.get(of) ?? new Map<string, number>();
      if (wanted.length > 0) since.set(of, known);
      return gates.flatMap(({ passed, reason }, index) => {
        const condition = wanted[index] as WatchCondition;
        const { name } = condition;
        if (passed || reason?.startsWith(QUERY_FAILED)) known.delete(name);
        else if (!known.has(name)) known.set(name, at);
        const from = known.get(name);
        if (from === undefined || at - from < (parseDuration(condition.for) ?? 0)) return [];
        return [`the condition ${name} fails since ${clock(new Date(from).toISOString())}: ${reason}`];
      });
    },
    prune(isKept) {
      for (const of of since.keys()) if (!isKept(of)) since.delete(of);
    },
  };
}
