import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { pino } from 'pino';
import type { KeyPair } from '../../src/config/key-pair.ts';
import { hashToken } from '../../src/config/settings.ts';
import { type Channel, createChannel, DEFAULT_SETTINGS, setCritical } from '../../src/domain/channel.ts';
import { channelKey, type Snapshot, takeSnapshot } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { type Answers, createAnswers } from '../../src/http/answers.ts';
import { PollRequest } from '../../src/http/poll-headers.ts';
import { createPublicApi } from '../../src/http/public.ts';
import type { OpenLane } from '../../src/listeners/listen.ts';
import { type CheckIns, createCheckIns } from '../../src/service/check-ins.ts';

/** The time limits of a server, in milliseconds. */
export interface Limits {
  keepAliveTimeout: number;
  headersTimeout: number;
  requestTimeout: number;
  connectionsCheckingInterval: number;
}

/** A public listener, and everything that polls record in it. */
export interface Twin {
  server: Server;
  port: number;
  isSecure: boolean;
  /** The counts since the last call, and every check-in that was recorded. */
  traces(): { counts: Record<string, number>; notes: unknown[] };
  close(): Promise<void>;
}

/** Opens a lane in front of a server, with these parts. */
export type LaneOf = (parts: { answers: Answers; checkIns: Pick<CheckIns, 'note'> }) => OpenLane;

export const ENROLMENT_TOKEN = 'enrolment-token-of-the-twins';
const LIMITS: Limits = {
  keepAliveTimeout: 65_000,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};
/** Milliseconds. A connection inside one process is fast; one that takes longer hangs. */
const HANGS_AFTER = 10_000;

const ACT = { by: 'test', at: new Date('2026-11-22T00:00:00Z'), reason: 'test' };

/** Some channels, as the first process sends them to a worker. */
function channels(): Snapshot {
  const create = (name: string, target: string | null): Channel =>
    createChannel(name, DEFAULT_SETTINGS, target === null ? null : requireVersion(target), ACT);
  const all = [
    create('stable/cloud', '16.4.6'),
    setCritical(create('urgent', '16.4.7'), true, null, ACT),
    create('empty', null),
    create('a.b-c_d', '17.0.0-cloud.20241112T101530.1a2b3c4'),
  ];
  const documents = all.map((value, index) => ({ key: channelKey(value.name), revision: index + 3, value }));
  return takeSnapshot({ revision: 9, hash: null, documents });
}

/** A server that knows some channels, with or without a lane in front. */
export async function openTwin(
  laneOf: LaneOf | null,
  limits: Partial<Limits> = {},
  { age = 0, pair = null }: { age?: number; pair?: KeyPair | null } = {},
): Promise<Twin> {
  const snapshot = channels();
  const answers = createAnswers({
    state: { peek: () => snapshot, onNext: () => () => {}, age: () => age },
    staleness: { saidAfter: 10_000, withheldAfter: 86_400_000 },
    cluster: { clusterName: 'twins', edition: 'ent', fips: false, toolsAutoUpdate: true },
    membership: { defaultChannel: 'stable/cloud', groups: {} },
    now: () => ACT.at,
  });
  const real = createCheckIns({
    store: { recordSightings: async () => 0, noteUncounted: async () => {} },
    flushEvery: 60_000,
    maxPending: 100_000,
    enrolment: { mode: 'token', tokens: [{ sha256: hashToken(ENROLMENT_TOKEN) }] },
    contestedFor: 0,
    targets: () => new Map(),
    now: () => ACT.at,
    log: pino({ level: 'silent' }),
  });
  let notes: unknown[] = [];
  const checkIns: Pick<CheckIns, 'note'> = {
    note(channel, raw) {
      const { id, version, updater, updaterVersion, group, token } = raw;
      notes.push([channel, { id, version, updater, updaterVersion, group, token }]);
      real.note(channel, raw);
    },
  };
  let counted = new Map<string, number>();
  const api = createPublicApi({ answers, checkIns, defaultChannel: 'stable/cloud' });
  const all = { ...LIMITS, ...limits };
  const http = { ...all, IncomingMessage: PollRequest };
  const server = pair ? createTlsServer({ ...http, ...pair }, api.listener) : createServer(http, api.listener);
  const lane = laneOf?.({ answers, checkIns })(server, all.connectionsCheckingInterval);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    isSecure: pair !== null,
    traces() {
      const taken = notes;
      notes = [];
      const before = counted;
      counted = flatten({ ...api.counters, ...real.counters, tallies: [...answers.tallies()] });
      const grown = [...counted].map(([name, value]): [string, number] => [name, value - (before.get(name) ?? 0)]);
      return { counts: Object.fromEntries(grown.filter(([, value]) => value !== 0)), notes: taken };
    },
    async close() {
      lane?.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await real.close();
      answers.close();
    },
  };
}

/** Every number of a nested object, by its path. */
function flatten(value: unknown, name = '', into = new Map<string, number>()): Map<string, number> {
  if (typeof value === 'number') into.set(name, value);
  else if (typeof value === 'object') {
    for (const [key, each] of Object.entries(value ?? {})) flatten(each, `${name} ${key}`, into);
  }
  return into;
}

/** What a client has seen of its connection. */
export interface Seen {
  /** Bytes are Latin-1 characters; the date is `DATE`. */
  received: string;
  /** Whether the server ended the connection. */
  ended: boolean;
}

const DATE = /(?<=\r\nDate: )[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT(?=\r\n)/g;

/** A client's connection to a server. */
export function connectTo({ port, isSecure }: Pick<Twin, 'port' | 'isSecure'>) {
  const to = { port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true };
  const socket: Socket = isSecure ? tlsConnect({ ...to, rejectUnauthorized: false }) : connect(to);
  let bytes = '';
  let ended = false;
  socket.setEncoding('latin1');
  socket.on('data', (text) => (bytes += text));
  const end = () => (ended = true);
  socket.on('end', end).on('close', end);
  // A server that refuses a request may reset the connection while it is still sent.
  socket.on('error', () => {});
  return {
    socket,
    send: (chunk: string) => ended || socket.write(chunk, 'latin1'),
    seen: (): Seen => ({ received: bytes.replace(DATE, 'DATE'), ended }),
  };
}

/** Resolves when nothing new came for `quiet` turns of the event loop and what came is `enough`, or when it hangs. */
async function settle(look: () => Seen, quiet: number, enough: (seen: Seen) => boolean): Promise<Seen> {
  const end = Date.now() + HANGS_AFTER;
  let last = look();
  for (let turns = 0; (turns < quiet || !enough(last)) && Date.now() < end; turns++) {
    await turn();
    const now = look();
    if (now.received !== last.received || now.ended !== last.ended) turns = 0;
    last = now;
  }
  return last;
}

/** The result of a connection: what its client saw before the half-close and at the end, and what was recorded. */
export interface Outcome {
  before: Seen;
  after: Seen;
  traces: ReturnType<Twin['traces']>;
}

/** Sends chunks, `pause` turns of the event loop apart, then a half-close after `quiet` turns without news. */
export async function tell(twin: Twin, chunks: readonly string[], pause: number, quiet: number): Promise<Outcome> {
  const client = connectTo(twin);
  if (twin.isSecure) await once(client.socket, 'secureConnect');
  for (const chunk of chunks) {
    client.send(chunk);
    for (let i = 0; i < pause; i++) await turn();
  }
  const before = await settle(client.seen, quiet, () => true);
  client.socket.end();
  const after = await settle(client.seen, quiet, ({ ended }) => ended);
  client.socket.destroy();
  return { before, after, traces: twin.traces() };
}
