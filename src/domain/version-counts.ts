import { agentVersion, compareAgentVersions, lineOfAgent } from './agent-version.ts';

/** More distinct versions than any cluster runs; bounds what is stored and judged. */
const MAX_VERSIONS = 1_000;

/** Counts agents by version. One version too many is counted by its release line. */
export function countVersion(counts: Map<string, number>, version: string, agents = 1): void {
  const key = counts.has(version) || counts.size < MAX_VERSIONS ? version : lineOfAgent(version);
  counts.set(key, (counts.get(key) ?? 0) + agents);
}

export function sum(counts: Iterable<number>): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** The lowest version that can be read, and how many run it; null where there is none. */
export function oldestReadable(counts: ReadonlyMap<string, number>): { version: string; count: number } | null {
  let oldest: { version: string; count: number } | null = null;
  for (const [version, count] of counts) {
    if (agentVersion(version) === null) continue;
    if (oldest === null || compareAgentVersions(version, oldest.version) < 0) oldest = { version, count };
  }
  return oldest;
}
