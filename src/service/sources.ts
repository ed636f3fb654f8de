import type { Logger } from 'pino';
import { PeerError, type PeerFault, type Peers } from '../domain/peers.ts';
import type { Actor } from '../domain/role.ts';
import type { FleetRecords } from '../domain/store.ts';
import { readRegisteredServers } from '../domain/teleport-metrics.ts';
import { parseVersion } from '../domain/version.ts';
import type { ControlPlanes } from './control-planes.ts';
import type { State } from './state.ts';

export const SOURCE_KINDS = ['teleport-metrics', 'control-plane'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** Told of what Prometheus counts. */
export interface SourceObserver {
  sourceRead(kind: SourceKind, name: string): void;
  sourceFailed(kind: SourceKind, name: string, fault: PeerFault): void;
}

export interface SourcesOptions {
  /** Diagnostics addresses of all auth servers, by channel. */
  metrics: Readonly<Record<string, readonly string[]>>;
  /** Address of a proxy, by control plane. */
  controlPlanes: Readonly<Record<string, string>>;
  peers: Peers;
  store: Pick<FleetRecords, 'saveSurvey'>;
  state: Pick<State, 'snapshot'>;
  planes: Pick<ControlPlanes, 'report'>;
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

interface Source {
  kind: SourceKind;
  name: string;
  read(fence: number): Promise<void>;
}

/** Reads what the settings name: auth servers' metrics for the census, proxies for the version of their control plane. */
export function createSources(options: SourcesOptions): Sources {
  const { metrics, controlPlanes, peers, store, state, planes, observer, now, log } = options;
  const failing = new Set<Source>();
  const sources: Source[] = [
    ...Object.entries(metrics).map(
      ([name, urls]): Source => ({ kind: 'teleport-metrics', name, read: survey(urls, name) }),
    ),
    ...Object.entries(controlPlanes).map(
      ([name, url]): Source => ({ kind: 'control-plane', name, read: ping(url, name) }),
    ),
  ];

  /** All auth servers must answer: a sum without one of them would miss its agents. */
  function survey(urls: readonly string[], channel: string): Source['read'] {
    return async (fence) => {
      if (!state.snapshot().channels.has(channel)) return;
      const at = now().getTime();
      const answers: string[] = [];
      for (const url of urls) answers.push(await peers.read(url));
      const servers = readRegisteredServers(answers);
      if (typeof servers === 'string') throw new PeerError('malformed', servers);
      await store.saveSurvey({ channel, source: 'teleport-metrics', at, ...servers, settled: true }, fence);
    };
  }

  function ping(url: string, name: string): Source['read'] {
    return async (fence) => {
      const version = readServerVersion(await peers.read(new URL('/webapi/ping', url).href));
      await planes.report(name, version, { actor: ACTOR, ifMatch: null, dryRun: false, fence });
    };
  }

  async function readOne(source: Source, fence: number): Promise<void> {
    const { kind, name } = source;
    try {
      await source.read(fence);
    } catch (error) {
      // The store's faults are not the source's.
      if (!(error instanceof PeerError)) throw error;
      observer.sourceFailed(kind, name, error.fault);
      if (!failing.has(source)) log.warn({ source: kind, name, reason: error.message }, FAILED);
      failing.add(source);
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

const FAILED = 'a source fails; what it said last stays evidence until it is stale, then it is none';

/** `server_version` of a proxy's `/webapi/ping`. Throws `PeerError`. */
function readServerVersion(body: string): string {
  let answer: { server_version?: unknown } | null;
  try {
    answer = JSON.parse(body);
  } catch (cause) {
    throw new PeerError('malformed', 'its answer is no JSON', { cause });
  }
  const text = answer?.server_version;
  const version = typeof text === 'string' ? parseVersion(text) : null;
  if (!version) throw new PeerError('malformed', 'its answer has no server_version that can be read');
  return version.text;
}
