import type { Channel } from './channel.ts';
import type { Snapshot } from './snapshot.ts';
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

/** The fields of Teleport's `/webapi/find` that v2 updaters and client tools read. Versions have no prefix. */
export interface FindDocument {
  server_version: string;
  min_client_version: string;
  cluster_name: string;
  edition: string;
  fips: boolean;
  auto_update: {
    tools_version: string;
    tools_auto_update: boolean;
    agent_version: string;
    agent_auto_update: boolean;
    agent_update_jitter_seconds: number;
  };
}

/** The cluster that the find document describes. */
export interface Cluster {
  clusterName: string;
  edition: string;
  fips: boolean;
}

/** What an answer depends on besides its channel. */
export interface Surroundings {
  /** The version that the channel's control plane runs; null if it is unknown or under embargo. */
  controlPlane: string | null;
  /** The version for client tools, or null. */
  tools: string | null;
}

/** Agents spread their updates over this many seconds, unless the release is critical. */
const JITTER_SECONDS = 60;

export function surroundingsOf(channel: Channel, { controlPlanes, releases }: Snapshot): Surroundings {
  const version = controlPlanes.get(channel.controlPlane ?? '')?.version ?? null;
  const secret = version !== null && releases.get(version)?.embargoed;
  return { controlPlane: secret ? null : version, tools: toolsVersionOf(channel, releases) };
}

/** All answers of a channel. Expired marks must be gone from it (`channelAt`). */
export function answerOf(channel: Channel, surroundings: Surroundings, cluster: Cluster): Answer {
  return {
    version: versionAnswer(channel),
    critical: criticalAnswer(channel),
    tools: prefixed(channel, surroundings.tools),
    find: findDocument(channel, surroundings, cluster),
  };
}

export const versionAnswer = (channel: Channel): string => prefixed(channel, channel.target);

export const criticalAnswer = ({ critical }: Channel): Answer['critical'] => (critical ? 'yes' : 'no');

const prefixed = ({ versionPrefix }: Channel, version: string | null) =>
  version === null ? 'none' : `${versionPrefix}${version}`;

/** A withdrawn channel keeps its agents at the last target, with updates off. */
function findDocument(channel: Channel, { controlPlane, tools }: Surroundings, cluster: Cluster): FindDocument {
  const version = channel.target ?? channel.lineage.at(-1) ?? controlPlane ?? '';
  const server = controlPlane ?? version;
  return {
    server_version: server,
    // `aa` sorts below `alpha`, so the pre-releases of the major before are included.
    min_client_version: server && `${Math.max(requireVersion(server).major - 1, 0)}.0.0-aa`,
    cluster_name: cluster.clusterName,
    edition: cluster.edition,
    fips: cluster.fips,
    auto_update: {
      tools_version: tools ?? version,
      tools_auto_update: tools !== null,
      agent_version: version,
      agent_auto_update: channel.target !== null,
      agent_update_jitter_seconds: channel.critical ? 0 : JITTER_SECONDS,
    },
  };
}
