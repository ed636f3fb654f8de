// Polls at a steady rate, in its own process: node load.mjs PORT RATE SECONDS MODE AGENTS. MODE: plain (no
// check-in), known (agents that check in again and again) or fresh (ids that never repeat). Prints its figures as JSON.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf, VERSIONS } from './agents.mjs';
import { quantile } from './figures.mjs';

const [port, rate, seconds, mode, agents] = process.argv
  .slice(2)
  .map((text) => (/^\d+$/.test(text) ? Number(text) : text));
const CONNECTIONS = 64;
/** Before this time, sockets connect and code is compiled. */
const WARM_UP = 2_000;

const latencies = [];
const idle = [];
/** The due times of the polls that wait for a connection. */
const queue = [];
let errors = 0;
let next = 0;

/** The polls, built in advance so that this process costs little: more agents than check in between two rounds. */
const polls = mode === 'fresh' ? [] : Array.from({ length: 60_000 }, (_, n) => pollOf((n * 7919) % agents));
const nextPoll = () => (mode === 'fresh' ? pollOf(next) : polls[next % polls.length]);

function pollOf(n) {
  const version = VERSIONS[n % VERSIONS.length];
  const id = mode === 'fresh' ? randomUUID() : idOf(n);
  const checkIn = `Agent-Id: ${id}\r\nAgent-Version: ${version}\r\nUpdater-Kind: unit\r\nUpdater-Version: ${version}\r\nAgent-Group: production\r\n`;
  return `GET /v1/stable/cloud/version HTTP/1.1\r\nHost: bench\r\n${mode === 'plain' ? '' : checkIn}\r\n`;
}

function open() {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const connection = { socket, due: 0 };
  let answer = '';
  socket.on('data', (data) => {
    answer += data;
    if (!answer.endsWith('\r\n\r\nv16.4.6')) return;
    if (!answer.startsWith('HTTP/1.1 200')) errors++;
    answer = '';
    if (connection.due > start + WARM_UP) latencies.push(performance.now() - connection.due);
    const due = queue.shift();
    if (due === undefined) idle.push(connection);
    else send(connection, due);
  });
  socket.on('error', () => errors++);
  idle.push(connection);
}

function send(connection, due) {
  connection.due = due;
  connection.socket.write(nextPoll());
  next++;
}

for (let n = 0; n < CONNECTIONS; n++) open();
await sleep(200);
const start = performance.now();
let sent = 0;
while (performance.now() - start < seconds * 1000 + WARM_UP) {
  const elapsed = performance.now() - start;
  for (; sent < (elapsed * rate) / 1000; sent++) {
    // Latency counts from the due time, however late this process is.
    const due = start + (sent * 1000) / rate;
    const connection = idle.pop();
    if (connection) send(connection, due);
    else queue.push(due);
  }
  await sleep(1);
}
const done = { polls: latencies.length, errors, waiting: queue.length };
console.log(JSON.stringify({ ...done, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }));
process.exit(0);
