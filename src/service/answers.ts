import { createHash } from 'node:crypto';
import { type Channel, channelAt, nextExpiry } from '../domain/channel.ts';
import type { Snapshot, Stored } from '../domain/snapshot.ts';
import { toolsVersionOf } from '../domain/tools.ts';
import { requireVersion } from '../domain/version.ts';
import type { State } from './state.ts';

export const ENDPOINTS = ['version', 'critical', 'tools', 'find'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** How often an answer was given; whole numbers, read when Prometheus asks. */
export interface Tally {
  ok: number;
  notModified: number;
}

/** An answer as it goes on the wire, made when the state changes and not when somebody asks. */
export interface Answer {
  channel: string;
  /** A string: node sends it in one write with the headers, a Buffer in a second one. */
  body: string;
  etag: string;
  /** Names and values in turn, as `ServerResponse.writeHead` takes them. */
  headers: string[];
  /** The same without what describes a body (RFC 9110, 15.4.5). */
  notModifiedHeaders: string[];
  tally: Tally;
}

/** What a v2 client is told besides versions. */
export interface WebapiSettings {
  clusterName: string;
  edition: string;
  fips: boolean;
}

export interface Answers {
  /** Was any state ever loaded? Until then nobody can be told anything. */
  ready(): boolean;
  /** The answer for a channel, or undefined where there is no such channel. */
  find(channel: string, endpoint: Endpoint): Answer | undefined;
  /** The answer for exactly this path, in the form that nearly all agents send. */
  byPath(path: string): Answer | undefined;
  tallies(): Iterable<[channel: string, endpoint: Endpoint, tally: Tally]>;
  close(): void;
}

/** What an answer is made of besides its channel. */
interface Surroundings {
  /** The version that the control plane is known to run. */
  controlPlane: string | null;
  /** The version that client tools are told to run. */
  tools: string | null;
}

interface Prepared extends Surroundings {
  channel: Stored<Channel>;
  answers: Record<Endpoint, Answer>;
}

export interface AnswersOptions {
  state: Pick<State, 'peek' | 'onChange'>;
  webapi: WebapiSettings;
  now: () => Date;
}

// A timer cannot be set farther ahead.
const MAX_TIMER = 2 ** 31 - 1;

/** Keeps an answer ready for every channel, and changes it when a pin or a critical mark ends. */
export function createAnswers({ state, webapi, now }: AnswersOptions): Answers {
  const prepared = new Map<string, Prepared>();
  const paths = new Map<string, Answer>();
  const tallies = new Map<string, Record<Endpoint, Tally>>();
  let timer: NodeJS.Timeout | undefined;

  function tallyOf(channel: string): Record<Endpoint, Tally> {
    let tally = tallies.get(channel);
    if (!tally) {
      tally = { version: newTally(), critical: newTally(), tools: newTally(), find: newTally() };
      tallies.set(channel, tally);
    }
    return tally;
  }

  function prepare(stored: Stored<Channel>, surroundings: Surroundings, at: Date): void {
    const channel = { ...channelAt(stored, at), revision: stored.revision };
    const tally = tallyOf(channel.name);
    const answers = {
      version: text(channel, versionAnswer(channel), tally.version),
      critical: text(channel, channel.critical ? 'yes' : 'no', tally.critical),
      tools: text(channel, prefixed(channel, surroundings.tools), tally.tools),
      find: json(channel, findDocument(channel, surroundings, webapi), tally.find),
    };
    prepared.set(channel.name, { channel: stored, ...surroundings, answers });
    paths.set(`/v1/${channel.name}/version`, answers.version);
    paths.set(`/v1/${channel.name}/critical`, answers.critical);
  }

  function refresh(snapshot: Snapshot): void {
    const at = now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const channel of snapshot.channels.values()) {
      const controlPlane = shownControlPlane(snapshot, channel);
      const tools = toolsVersionOf(channel, snapshot.releases);
      const known = prepared.get(channel.name);
      const expires = channel.critical?.until != null || channel.pin?.until != null;
      const same = known?.channel.revision === channel.revision;
      if (expires || !same || known.controlPlane !== controlPlane || known.tools !== tools) {
        prepare(channel, { controlPlane, tools }, at);
      }
      if (expires) wakeAt = Math.min(wakeAt, nextExpiry(channel, at));
    }
    for (const name of prepared.keys()) {
      if (!snapshot.channels.has(name)) drop(name);
    }
    clearTimeout(timer);
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(wake, Math.min(Math.max(wakeAt - at.getTime(), 1), MAX_TIMER));
  }

  function drop(name: string): void {
    prepared.delete(name);
    tallies.delete(name);
    paths.delete(`/v1/${name}/version`);
    paths.delete(`/v1/${name}/critical`);
  }

  function wake(): void {
    const snapshot = state.peek();
    if (snapshot) refresh(snapshot);
  }

  state.onChange(refresh);
  wake();

  return {
    ready: () => state.peek() !== null,
    find: (channel, endpoint) => prepared.get(channel)?.answers[endpoint],
    byPath: (path) => paths.get(path),
    *tallies() {
      for (const [channel, tally] of tallies) {
        for (const endpoint of ENDPOINTS) yield [channel, endpoint, tally[endpoint]];
      }
    },
    close: () => clearTimeout(timer),
  };
}

const newTally = (): Tally => ({ ok: 0, notModified: 0 });

/** What `/version` says of a channel: the target with its prefix, or `none`. */
export const versionAnswer = (channel: Channel): string => prefixed(channel, channel.target);

const prefixed = ({ versionPrefix }: Channel, version: string | null) =>
  version === null ? 'none' : `${versionPrefix}${version}`;

/** The version of the control plane, unless it runs a release that nobody may know of yet. */
function shownControlPlane({ controlPlanes, releases }: Snapshot, { controlPlane }: Channel): string | null {
  const version = controlPlanes.get(controlPlane ?? '')?.version ?? null;
  return version !== null && releases.get(version)?.embargoed ? null : version;
}

const text = (channel: Stored<Channel>, body: string, tally: Tally) =>
  answer(channel, body, `"${body}"`, 'text/plain; charset=utf-8', tally);

function json(channel: Stored<Channel>, content: object, tally: Tally): Answer {
  const body = JSON.stringify(content);
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
  return answer(channel, body, etag, 'application/json', tally);
}

function answer(channel: Stored<Channel>, body: string, etag: string, type: string, tally: Tally): Answer {
  // Caches may hide a rollback for half a minute, and bridge an outage for a day.
  const cache = ['Cache-Control', 'public, max-age=30, stale-if-error=86400'];
  const notModifiedHeaders = [...cache, 'ETag', etag, 'Fairway-Revision', String(channel.revision)];
  const headers = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), ...notModifiedHeaders];
  return { channel: channel.name, body, etag, headers, notModifiedHeaders, tally };
}

/** What a Managed Updates v2 client reads from `/webapi/find`. A withdrawn channel is suspended at its last target. */
function findDocument(channel: Channel, { controlPlane, tools }: Surroundings, webapi: WebapiSettings): object {
  const version = channel.target ?? channel.lineage.at(-1) ?? controlPlane ?? '';
  const server = controlPlane ?? version;
  return {
    server_version: server,
    // Counts the pre-releases of the major before in: `aa` sorts below `alpha`.
    min_client_version: server && `${Math.max(requireVersion(server).major - 1, 0)}.0.0-aa`,
    cluster_name: webapi.clusterName,
    edition: webapi.edition,
    fips: webapi.fips,
    auto_update: {
      tools_version: tools ?? version,
      tools_auto_update: tools !== null,
      agent_version: version,
      agent_auto_update: channel.target !== null,
      agent_update_jitter_seconds: channel.critical ? 0 : 60,
    },
  };
}
