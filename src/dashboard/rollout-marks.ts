import type { AuditEntry } from '../domain/audit.ts';
import type { Rollout } from '../domain/rollout.ts';

/** A moment that the chart of a channel shows. */
export interface ChartMark {
  /** Epoch milliseconds. */
  at: number;
  words: string;
  isBad: boolean;
}

/**
 * The steps of a channel's last rollout, oldest first; `entries` are the channel's newest, which name earlier waves.
 */
export function rolloutMarks(rollout: Rollout | null, entries: readonly AuditEntry[]): ChartMark[] {
  if (!rollout) return [];
  const mark = (at: string | null | undefined, words: string, isBad = false): ChartMark[] =>
    at ? [{ at: Date.parse(at), words, isBad }] : [];
  const steps = rollout.groups.flatMap(({ settings: { name }, state, startedAt, since, wave, waveSince }) => [
    ...mark(startedAt, `${name} begins`),
    ...(state === 'active' && wave < 100 && waveSince !== startedAt ? mark(waveSince, `${name} ${wave} %`) : []),
    ...(state === 'done' ? mark(since, `${name} done`) : []),
    ...(state === 'rolledback' ? mark(since, `${name} back`, true) : []),
  ]);
  const waves = entries.flatMap(({ action, at, after }) => {
    const { rollout: of, group, wave } = (after ?? {}) as { rollout?: string; group?: string; wave?: number };
    return action === 'rollout-widen' && of === rollout.id ? mark(at, `${group} ${wave} %`) : [];
  });
  const { halted, paused } = rollout;
  const all = [
    ...mark(rollout.startedAt, 'rollout begins'),
    ...steps,
    ...waves,
    ...mark(halted?.at, 'halted', true),
    ...mark(paused?.at, 'paused'),
  ];
  const once = new Map(all.map((each) => [`${each.at} ${each.words}`, each]));
  return [...once.values()].sort((a, b) => a.at - b.at);
}
