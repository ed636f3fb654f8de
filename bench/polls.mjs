// The poll path beside its peers. `npm run bench` prints tables; `npm run bench -- --floor` fails where a poll costs more
// than 1.18 × bare node:http, and nothing else.
import { cpus } from 'node:os';
import { drive } from './load.mjs';
import { allPeers, bare, fairway } from './peers.mjs';
import { cpuSeconds, has, untilAnswers } from './processes.mjs';

const PATH = '/v1/stable/cloud/version';
const FLOOR = 1.18;
const MODES = [
  { name: 'keep-alive', newConnections: false },
  { name: 'new connections', newConnections: true },
];

const floorOnly = process.argv.includes('--floor');
const rounds = floorOnly ? 5 : 5;
const seconds = floorOnly ? 2 : 2;
const peers = floorOnly ? [fairway, bare] : allPeers();

if (!has('wrk')) throw new Error('this needs wrk: apt-get install wrk');
const cores = cpus().length;
console.log(`Node ${process.version}, ${cores} × ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`);
console.log(`${rounds} interleaved rounds of ${seconds} s, a fresh process for each; medians\n`);

const samples = new Map();
for (let round = 0; round < rounds; round++) {
  for (const peer of peers) {
    for (const mode of MODES) {
      record(peer, mode, 'shared', await measure(peer, mode, '0', '0'));
      if (!floorOnly && cores > 1) record(peer, mode, 'pinned', await measure(peer, mode, '0', '1'));
    }
  }
}
report();

/** Server and load on one core tell CPU a request; on two cores, throughput and latency. */
async function measure(peer, mode, serverCores, loadCores) {
  const server = await peer.start(serverCores);
  try {
    const url = `http://127.0.0.1:${server.port}${PATH}`;
    await untilAnswers(url, 'v16.4.6');
    await drive(loadCores, url, { ...mode, seconds: 1 });
    const pids = [server.pid, ...(server.alsoCounts ?? [])];
    const used = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const before = used();
    const load = await drive(loadCores, url, { ...mode, seconds });
    if (load.errors > 0) throw new Error(`${peer.name} answered ${load.errors} polls wrongly`);
    return { ...load, cpu: ((used() - before) * 1e6) / load.requests };
  } finally {
    await server.stop();
  }
}

function record(peer, mode, layout, sample) {
  const key = `${peer.name} ${mode.name} ${layout}`;
  samples.set(key, [...(samples.get(key) ?? []), sample]);
}

function median(peer, mode, layout, field) {
  const values = (samples.get(`${peer.name} ${mode.name} ${layout}`) ?? [])
    .map((sample) => sample[field])
    .sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report() {
  let failed = false;
  for (const mode of MODES) {
    const base = median(bare, mode, 'shared', 'cpu');
    console.log(`${mode.name}\n`);
    console.log(
      '| server | CPU µs a poll | × bare node:http | polls/s pinned | p50 ms | p99 ms | load generator busy |',
    );
    console.log('|---|---|---|---|---|---|---|');
    for (const peer of peers) {
      const cpu = median(peer, mode, 'shared', 'cpu');
      const ratio = cpu / base;
      if (peer === fairway && ratio > FLOOR) failed = true;
      const pinned = ['perSecond', 'p50', 'p99', 'loadCpu'].map((field) => median(peer, mode, 'pinned', field));
      const [perSecond, p50, p99, loadCpu] = pinned;
      const cells = [
        cpu.toFixed(1),
        ratio.toFixed(2),
        Math.round(perSecond / 100) * 100,
        p50?.toFixed(2),
        p99?.toFixed(2),
      ];
      console.log(`| ${peer.name} | ${cells.join(' | ')} | ${Math.round((loadCpu ?? 0) * 100)} % |`);
    }
    console.log('');
  }
  if (!failed) return;
  console.error(`a poll costs more than ${FLOOR} × bare node:http`);
  process.exitCode = floorOnly ? 1 : 0;
}
