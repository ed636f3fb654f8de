import type { Channel } from './channel.ts';
import { controlPlaneKey, releaseKey, type Snapshot } from './snapshot.ts';
import { toolsVersionOf } from './tools.ts';
import { requireVersion } from './version.ts';

/** What a channel serves to agents and client tools at one moment. */
export interface Answer {
  /** For v1 updaters: the target with the channel's prefix, or `none`. */
  version: string;
  /** For v1 updaters: `yes` lets an agent upgrade outside its maintenance window. */
  critical: 'yes' | 'no';
  /** For client tools: their version with the channel's prefix, or `none`. */
  tools: string;
  /** For v2 updaters and client tools. */
  find: FindDocument;
}

/**
 * The fields of Teleport's `/webapi/find` that v2 updaters and client tools read. Versions have no prefix. What is not
 * known is left out: a community agent that reads the edition `ent` installs Enterprise over itself.
 */
export interface FindDocument {
  server_version?: string;
  min_client_version?: string;
  cluster_name: string;
  edition?: string;
  fips: boolean;
  auto_update: {
    tools_version?: string;
    tools_auto_update: boolean;
    /** Empty on a channel without a target; it does to v2 what `none` does to v1. */
    agent_version: string;
    agent_auto_update: boolean;
    agent_update_jitter_seconds: number;
  };
}

/** The cluster that the find document describes. */
export interface Cluster {
  clusterName: string;
  /** Null if it is not set. */
  edition: string | null;
  fips: boolean;
  /** Do client tools update themselves? Off in a proxy unless chosen. */
  toolsAutoUpdate: boolean;
}

/** What an answer depends on in addition to its channel. */
export interface Surroundings {
  /** The version that the channel's control plane runs; null if it is unknown or under embargo. */
  controlPlane: string | null;
  /** The version for client tools, or null. */
  tools: string | null;
  /** The target, unless it was pulled or is under embargo: such a version is named to no one. */
  target: string | null;
  /** The start versions of the channel's rollout that may be named; left out if it starts from none. */
  starts?: readonly string[];
}

/**
 * Seconds over which agents spread their updates. A whole fleet never moves in one second, even to a critical release.
 */
const JITTER = { usual: 60, critical: 10 };

export function surroundingsOf(channel: Channel, { controlPlanes, releases }: Snapshot): Surroundings {
  const isShown = (version: string | null) => {
    const release = version === null ? undefined : releases.get(version);
    return !release?.pulled && !release?.embargoed;
  };
  const version = controlPlanes.get(channel.controlPlane ?? '')?.version ?? null;
  const controlPlane = version !== null && releases.get(version)?.embargoed ? null : version;
  const tools = toolsVersionOf(channel, releases);
  const starts = startsOf(channel);
  return {
    controlPlane,
    tools: isShown(tools) ? tools : null,
    target: isShown(channel.target) ? channel.target : null,
    ...(starts.length > 0 ? { starts: starts.filter(isShown) } : {}),
  };
}

/** The keys of the control plane and the releases that `surroundingsOf` looks at. */
export function sourcesOf(channel: Channel, { controlPlanes }: Snapshot): string[] {
  const { controlPlane, target, toolsVersion, toolsFallback } = channel;
  const plane = controlPlanes.get(controlPlane ?? '')?.version;
  const versions = new Set([target, toolsVersion, toolsFallback, plane, ...startsOf(channel)]);
  const releases = [...versions].flatMap((version) => (version ? [releaseKey(version)] : []));
  return controlPlane === null ? releases : [controlPlaneKey(controlPlane), ...releases];
}

/** What is left of the surroundings once the state is too old to move agents by (`Staleness`). */
export const withheld = ({ starts, ...surroundings }: Surroundings): Surroundings => ({
  ...{ ...surroundings, tools: null, target: null },
  ...(starts ? { starts: [] } : {}),
});

/** The versions that groups of a channel's rollout start from. */
const startsOf = ({ progress }: Channel): string[] =>
  progress ? [...new Set([progress, ...progress.groups].flatMap(({ from }) => from ?? []))] : [];

/** What some agents of a channel get. */
export interface Served {
  /** For v1 updaters; null: `none`. */
  v1: string | null;
  /** For v2 updaters; null: empty. */
  v2: string | null;
  /** May v2 updaters move to it now? */
  auto: boolean;
}

/** All answers of a channel to agents that are served this. Expired marks must be gone from it (`channelAt`). */
export function answerOf(
  channel: Channel,
  surroundings: Surroundings,
  cluster: Cluster,
  { v1, v2, auto }: Served = { v1: channel.target, v2: channel.target, auto: true },
): Answer {
  const named = (version: string | null) => (isNamed(version, channel, surroundings) ? version : null);
  return {
    version: versionAnswer({ ...channel, target: named(v1) }),
    critical: criticalAnswer({ ...channel, target: surroundings.target }),
    tools: prefixed(channel, surroundings.tools),
    find: findDocument(channel.critical !== null, named(v2), auto, surroundings, cluster),
  };
}

/** May the version be named? The target is as `surroundings` has it. */
function isNamed(version: string | null, { target }: Channel, surroundings: Surroundings): boolean {
  if (version === target) return surroundings.target !== null;
  return version !== null && (surroundings.starts?.includes(version) ?? false);
}

export const versionAnswer = (channel: Channel): string => prefixed(channel, channel.target);

export const criticalAnswer = ({ critical, target }: Channel): Answer['critical'] =>
  critical && target !== null ? 'yes' : 'no';

const prefixed = ({ versionPrefix }: Channel, version: string | null) =>
  version === null ? 'none' : `${versionPrefix}${version}`;

function findDocument(
  critical: boolean,
  version: string | null,
  auto: boolean,
  surroundings: Surroundings,
  cluster: Cluster,
): FindDocument {
  const { controlPlane, tools } = surroundings;
  return {
    ...(controlPlane === null
      ? {}
      : {
          server_version: controlPlane,
          // `aa` sorts below `alpha`, so the pre-releases of the major before are included.
          min_client_version: `${Math.max(requireVersion(controlPlane).major - 1, 0)}.0.0-aa`,
        }),
    cluster_name: cluster.clusterName,
    ...(cluster.edition === null ? {} : { edition: cluster.edition }),
    fips: cluster.fips,
    auto_update: {
      ...(tools === null ? {} : { tools_version: tools }),
      tools_auto_update: cluster.toolsAutoUpdate && tools !== null,
      agent_version: version ?? '',
      agent_auto_update: version !== null && auto,
      agent_update_jitter_seconds: critical ? JITTER.critical : JITTER.usual,
    },
  };
}
