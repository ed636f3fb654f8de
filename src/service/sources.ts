import type { Logger } from 'pino';
import { agentVersion, readAgentVersion } from '../domain/agent-version.ts';
import { PeerError, type PeerFault, type Peers } from '../domain/peers.ts';
import type { Actor } from '../domain/role.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { FleetRecords } from '../domain/store.ts';
import { readingsAfter, type SettlePolicy, type Survey, unreadSurvey } from '../domain/survey.ts';
import { type RegisteredServers, readRegisteredServers } from '../domain/teleport-metrics.ts';
import { sum } from '../domain/version-counts.ts';
import type { ControlPlanes } from './control-planes.ts';
import type { State } from './state.ts';
import { earlierReadings, saveRevised } from './surveys.ts';

export const SOURCE_KINDS = ['teleport-metrics', 'control-plane'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** Counts events for Prometheus. */
export interface SourceObserver {
  sourceRead(kind: SourceKind, name: string): void;
  sourceFailed(kind: SourceKind, name: string, fault: PeerFault): void;
}

export interface SourcesOptions {
  /** Diagnostics addresses of all auth servers, by channel, or by control plane where no channel has that name. */
  metrics: Readonly<Record<string, readonly string[]>>;
  /** Addresses of proxies, by control plane. */
  controlPlanes: Readonly<Record<string, readonly string[]>>;
  peers: Peers;
  store: Pick<FleetRecords, 'counts' | 'saveSurvey'>;
  state: Pick<State, 'snapshot'>;
  planes: Pick<ControlPlanes, 'observe' | 'noteFailure'>;
  settle: Pick<SettlePolicy, 'settleFor'>;
  observer: SourceObserver;
  now: () => Date;
  log: Logger;
}

export interface Sources {
  /** Reads every source once. What fails is counted and logged, and its last figures stay until they are stale. */
  read(fence: number): Promise<void>;
}

/** Sources read at the same time. */
const AT_ONCE = 4;
const ACTOR: Actor = { name: 'system:sources', role: 'operator' };

const METRICS = 'teleport-metrics';

interface Source {
  kind: SourceKind;
  name: string;
  read(fence: number): Promise<void>;
}

/**
 * Reads what the settings name: auth servers' metrics for the census, proxies for the version of their control plane.
 */
export function createSources(options: SourcesOptions): Sources {
  const { metrics, controlPlanes, peers, store, state, planes, settle, observer, now, log } = options;
  /** Since when each source fails; ISO 8601. */
  const failing = new Map<Source, string>();
  const sources: Source[] = [
    ...Object.entries(metrics).map(
      ([name, urls]): Source => ({ kind: METRICS, name, read: (fence) => readMetrics(urls, name, fence) }),
    ),
    ...Object.entries(controlPlanes).map(
      ([name, urls]): Source => ({ kind: 'control-plane', name, read: (fence) => readVersions(urls, name, fence) }),
    ),
  ];

  /** All auth servers must answer: a sum without one of them would miss its agents. */
  async function readMetrics(urls: readonly string[], name: string, fence: number): Promise<void> {
    const channel = surveyedBy(name, state.snapshot());
    if (channel === null) return;
    try {
      const answers: string[] = [];
      for (const url of urls) answers.push((await peers.read(url)).body);
      const servers = readRegisteredServers(answers);
      if (typeof servers === 'string') throw new PeerError('malformed', servers);
      await saveRevised(store, { channel, source: METRICS }, (before) => surveyAfter(channel, servers, before), {
        fence,
      });
    } catch (error) {
      if (error instanceof PeerError) await noteFailure(channel, error.message, fence);
      throw error;
    }
  }

  function surveyAfter(channel: string, servers: RegisteredServers, before: Survey | undefined): Survey {
    const at = now().getTime();
    const { versions, unmanaged } = servers;
    // Nothing names the agents, so all of them count by their version.
    const reading = { from: at, until: at, agents: sum(Object.values(versions)), anonymous: versions };
    return {
      ...{ channel, source: METRICS, at, readAt: at, scope: channel, complete: true, versions, unmanaged },
      ...{ expired: 0, unmappedGroups: {}, failing: null },
      readings: readingsAfter(earlierReadings(before, at), reading, settle.settleFor),
      revision: before?.revision ?? 0,
    };
  }

  /** Every server shows that the source fails, and since when, also where it was never read. */
  async function noteFailure(channel: string, fault: string, fence: number): Promise<void> {
    const make = (before: Survey | undefined): Survey | null => {
      if (before?.failing?.fault === fault) return null;
      const at = now().getTime();
      return { ...(before ?? unreadSurvey(channel, at)), failing: { since: before?.failing?.since ?? at, fault } };
    };
    await saveRevised(store, { channel, source: METRICS }, make, { fence });
  }

  /** All proxies must answer, for the same reason. */
  async function readVersions(urls: readonly string[], name: string, fence: number): Promise<void> {
    const versions: string[] = [];
    for (const url of urls) versions.push(await readServerVersion(peers, url));
    await planes.observe(name, versions, { actor: ACTOR, ifMatch: null, dryRun: false, fence });
  }

  async function readOne(source: Source, fence: number): Promise<void> {
    const { kind, name } = source;
    try {
      await source.read(fence);
    } catch (error) {
      // The store's faults are not the source's.
      if (!(error instanceof PeerError)) throw error;
      observer.sourceFailed(kind, name, error.fault);
      const since = failing.get(source);
      if (since === undefined) log.warn({ source: kind, name, reason: error.message }, FAILED);
      failing.set(source, since ?? now().toISOString());
      // A proxy that restarts fails once, and that is not worth an entry in the audit log.
      if (kind === 'control-plane' && since !== undefined) {
        const request = { actor: ACTOR, ifMatch: null, dryRun: false, fence };
        await planes.noteFailure(name, { since, fault: error.message }, request);
      }
      return;
    }
    observer.sourceRead(kind, name);
    if (failing.delete(source)) log.info({ source: kind, name }, 'a source is back');
  }

  return {
    async read(fence) {
      const waiting = sources.values();
      const work = async () => {
        for (const source of waiting) await readOne(source, fence);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    },
  };
}

const FAILED =
  'a source cannot be read; what it said last still counts against a target, and confirms nothing once it is old';

/** What the figures under a name in the settings describe; null while there is no such channel or control plane. */
function surveyedBy(name: string, { channels, controlPlanes }: Snapshot): string | null {
  if (channels.has(name)) return name;
  const isPlane = controlPlanes.has(name) || [...channels.values()].some(({ controlPlane }) => controlPlane === name);
  return isPlane ? `@${name}` : null;
}

/** `server_version` of a proxy's `/webapi/ping`, or of `/webapi/find` where it has no ping. Throws `PeerError`. */
async function readServerVersion(peers: Peers, url: string): Promise<string> {
  const { body, header } = await peers.read(new URL('/webapi/ping', url).href).catch((error) => {
    if (error instanceof PeerError && error.status === 404) return peers.read(new URL('/webapi/find', url).href);
    throw error;
  });
  if (header('Fairway-Revision') !== null) {
    throw new PeerError('malformed', "it is Fairway's own answer and not a proxy's; name the address of a proxy");
  }
  let answer: { server_version?: unknown } | null;
  try {
    answer = JSON.parse(body);
  } catch (cause) {
    throw new PeerError('malformed', 'its answer is not JSON', { cause });
  }
  const text = answer?.server_version;
  const version = typeof text === 'string' ? agentVersion(readAgentVersion(text)) : null;
  if (!version) throw new PeerError('malformed', 'its answer has no server_version that can be read');
  return version.text;
}
