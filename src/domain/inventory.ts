import { isAgentId, isGroup, isUpdaterKind, type Sighting } from './agent.ts';
import { MAX_VERSION_LENGTH, parseVersion } from './version.ts';

/** An instance of `tctl inventory ls --format=json`, as far as Fairway reads it. */
export interface Instance {
  metadata: { name: string };
  spec: {
    version?: string | undefined;
    ext_upgrader?: string | undefined;
    external_upgrader?: string | undefined;
    ext_upgrader_version?: string | undefined;
    updater_info?: { update_group?: string | undefined } | null | undefined;
  };
}

/**
 * Is the instance enrolled in automatic upgrades? It is when it names an external upgrader, or carries the report of a
 * v2 updater.
 */
export function isEnrolled({ spec }: Instance): boolean {
  return Boolean(spec.updater_info) || upgraderOf(spec) !== null;
}

/** The instance as an agent on `channel`, or null when its id or version cannot be read. */
export function readInstance({ metadata, spec }: Instance, channel: string, at: number): Sighting | null {
  const version = parseVersion((spec.version ?? '').slice(0, MAX_VERSION_LENGTH + 1));
  if (!version || !isAgentId(metadata.name)) return null;
  const upgrader = upgraderOf(spec);
  const group = spec.updater_info?.update_group;
  return {
    id: metadata.name,
    channel,
    version: version.text,
    at,
    updater: upgrader && isUpdaterKind(upgrader) ? upgrader : spec.updater_info ? 'binary' : null,
    updaterVersion: parseVersion(spec.ext_upgrader_version ?? '')?.text ?? null,
    group: group && isGroup(group) ? group : null,
    enrolled: true,
  };
}

function upgraderOf({ ext_upgrader, external_upgrader }: Instance['spec']): string | null {
  return [ext_upgrader, external_upgrader].find((upgrader) => upgrader && upgrader !== 'none') ?? null;
}
