import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { CheckIns } from '../service/check-ins.ts';
import type { Answers, PreparedAnswer } from './answers.ts';
import { type PlainPoll, readPlainPoll } from './plain-poll.ts';
import type { StateAge } from './state-age.ts';

export interface FastLaneOptions {
  answers: Pick<Answers, 'byPath' | 'age'>;
  checkIns: Pick<CheckIns, 'note'>;
  /** Milliseconds between checks for silent clients. */
  lookEvery: number;
}

export interface FastLane {
  /** Polls answered here, and connections handed over to node:http; whole numbers that only grow. */
  counters: Readonly<{ answered: number; handedOver: number }>;
  /** Hands all further requests over to node:http. */
  stop(): void;
}

/** The bytes of an answer (as Latin-1), valid for one second because of the headers `Date` and `Age`. */
interface Wire {
  second: number;
  age: StateAge | null;
  keep: { get: string; head: string };
  close: { get: string; head: string };
}

/** The same bytes as node:http sends. */
const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';
/** Node adds this to `keepAliveTimeout`; in Node 26 it is an option. */
const KEEP_ALIVE_BUFFER_MS = 1_000;
/** Parsers skip empty lines between requests, so a client that sends nothing else counts as silent. */
const EMPTY_LINES = /^[\r\n]+$/;
const ANSWERED = 0;

/**
 * Takes the connections of a server before node:http, which must be their only listener. A plain poll for a prepared
 * answer is answered at once. The first other bytes hand the connection over to node:http, which keeps it.
 */
export function openFastLane(server: Server, { answers, checkIns, lookEvery }: FastLaneOptions): FastLane {
  // Of a server with TLS these are the decrypted connections, after the handshake.
  const isSecure = server instanceof TlsServer;
  const arrival = isSecure ? 'secureConnection' : 'connection';
  const [slow] = server.listeners(arrival) as [(this: Server, socket: Socket) => void];
  const counters = { answered: 0, handedOver: 0 };
  /** The connections in this lane: the time since when they are silent (`performance.now()`), or `ANSWERED`. */
  const connections = new Map<Socket, number>();
  const wires = new WeakMap<PreparedAnswer, Wire>();
  let open = true;

  function take(socket: Socket): void {
    connections.set(socket, performance.now());
    socket.on('data', read).on('end', socket.end).on('error', ignore).on('close', forget);
  }

  function read(this: Socket, bytes: Buffer): void {
    if (!this.writable) return;
    const text = bytes.toString('latin1');
    if (EMPTY_LINES.test(text)) return;
    // node:http stops reading from a client that does not read its answers.
    const poll = open && this.writableLength === 0 ? readPlainPoll(text) : null;
    const found = poll && answers.byPath(poll.path);
    // A state that is too old for the proxy is refused by node:http.
    if (found && (poll.headers.maxAge === undefined || answers.age() === null)) {
      give(this, found.own ? found.own(poll.headers.group, poll.headers.id) : found, poll);
    } else handOver(this, bytes, text);
  }

  function give(socket: Socket, answer: PreparedAnswer, { head, close, headers }: PlainPoll): void {
    counters.answered++;
    answer.tally.ok++;
    if (headers.id !== undefined) checkIns.note(answer.channel, headers);
    socket.write(wireOf(answer)[close ? 'close' : 'keep'][head ? 'head' : 'get'], 'latin1');
    if (!close) keep(socket);
    // The kernel has the whole answer and sends it before it closes the connection. TLS still has to say that it ends.
    else if (!isSecure && socket.writableLength === 0) socket.destroy();
    else socket.destroySoon();
  }

  function keep(socket: Socket): void {
    if (connections.get(socket) === ANSWERED) return;
    connections.set(socket, ANSWERED);
    // Each write and each read restarts the timeout.
    socket.setTimeout(server.keepAliveTimeout + KEEP_ALIVE_BUFFER_MS, socket.destroy);
  }

  function wireOf(answer: PreparedAnswer): Wire {
    const second = Math.floor(Date.now() / 1_000);
    const age = answers.age();
    let wire = wires.get(answer);
    if (wire?.second !== second || wire.age !== age) {
      wire = makeWire(answer, second, age, Math.floor(server.keepAliveTimeout / 1_000));
      wires.set(answer, wire);
    }
    return wire;
  }

  function handOver(socket: Socket, bytes: Buffer, text: string): void {
    counters.handedOver++;
    connections.delete(socket);
    socket.off('data', read).off('end', socket.end).off('error', ignore).off('close', forget);
    socket.setTimeout(0, socket.destroy);
    slow.call(server, socket);
    feed(socket, pieces(bytes, text));
  }

  function forget(this: Socket): void {
    connections.delete(this);
  }

  const look = setInterval(() => {
    const latest = performance.now() - server.headersTimeout;
    for (const [socket, since] of connections) {
      if (since === ANSWERED || since > latest) continue;
      socket.write(TIMED_OUT);
      socket.destroy();
    }
  }, lookEvery).unref();

  const { closeIdleConnections } = server;
  server.closeIdleConnections = () => {
    // Connections that never sent anything are closed as well, as in Node 26; Node 20 waits until they time out.
    for (const socket of connections.keys()) socket.destroy();
    closeIdleConnections.call(server);
  };
  server.removeListener(arrival, slow);
  server.on(arrival, take);
  server.once('close', () => clearInterval(look));

  const stop = () => {
    open = false;
  };
  return { counters, stop };
}

const ignore = () => {};

function makeWire({ headerLines, body }: PreparedAnswer, second: number, age: StateAge | null, timeout: number): Wire {
  const head = `HTTP/1.1 200 OK\r\n${age?.lines ?? ''}${headerLines}Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
  const keep = `${head}Connection: keep-alive\r\nKeep-Alive: timeout=${timeout}\r\n\r\n`;
  const close = `${head}Connection: close\r\n\r\n`;
  return { second, age, keep: { get: keep + body, head: keep }, close: { get: close + body, head: close } };
}

/**
 * node:http reads in C++ and sends finished answers whenever a body arrives; bytes that are handed over in JavaScript
 * go through its parser in one turn. So a head that may have a body is separated from the bytes after it, as if those
 * had arrived on their own.
 */
function* pieces(bytes: Buffer, text: string): Generator<Buffer, undefined> {
  let from = 0;
  if (/content-length|transfer-encoding/i.test(text)) {
    for (const { index, 0: end } of text.matchAll(/\n\r?\n/g)) {
      yield bytes.subarray(from, index + end.length);
      from = index + end.length;
    }
  }
  if (from < bytes.length) yield bytes.subarray(from);
}

function feed(socket: Socket, rest: Generator<Buffer, undefined>): void {
  if (!socket.writable) return;
  if (socket.isPaused()) {
    socket.once('resume', () => feed(socket, rest));
    return;
  }
  const piece = rest.next().value;
  if (!piece) return;
  socket.emit('data', piece);
  process.nextTick(feed, socket, rest);
}
