import { type Agent, isUpdaterKind, type Sighting, type SightingSource } from '../domain/agent.ts';
import type { AgentQuery } from '../domain/store.ts';
import { compareVersions } from '../domain/version.ts';

/**
 * What a store keeps of one sighting: `channel version at updater updaterVersion group`, `at` in base 36, nulls empty
 * and cut off at the end. Up to 64 bytes Redis packs it beside others without any overhead.
 */
export function pack({ channel, version, at, updater, updaterVersion, group }: Sighting): string {
  return [channel, version, at.toString(36), updater ?? '', updaterVersion ?? '', group ?? ''].join(' ').trimEnd();
}

/** The sighting of agent `id` that `pack` made `packed` of. */
export function unpack(id: string, packed: string): Sighting {
  const [channel = '', version = '', at = '', updater = '', updaterVersion = '', group = ''] = packed.split(' ');
  return {
    id,
    channel,
    version,
    at: Number.parseInt(at, 36),
    updater: isUpdaterKind(updater) ? updater : null,
    updaterVersion: updaterVersion || null,
    group: group || null,
  };
}

/** The agent that a store's packed sightings make, or null when no source knows it. */
export function agentOf(id: string, packed: Partial<Record<SightingSource, string | null>>): Agent | null {
  const sightings: Agent['sightings'] = [];
  if (packed.inventory) sightings.push({ ...unpack(id, packed.inventory), source: 'inventory' });
  if (packed['check-ins']) sightings.push({ ...unpack(id, packed['check-ins']), source: 'check-ins' });
  return sightings.length > 0 ? { id, sightings: sightings.sort((a, b) => b.at - a.at) } : null;
}

/** Does one sighting of the agent meet all that the query asks for? */
export function isWanted({ sightings }: Agent, { channel, version, olderThan }: AgentQuery): boolean {
  return sightings.some(
    (sighting) =>
      (channel === undefined || sighting.channel === channel) &&
      (version === undefined || sighting.version === version) &&
      (olderThan === undefined || compareVersions(sighting.version, olderThan) < 0),
  );
}
