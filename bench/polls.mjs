// Compares the poll path with its peers: `npm run bench`. `npm run bench:lane` compares Fairway with and without its lane
// to Go's net/http, node:http and nginx, `npm run bench:wave` polls in a wave of a rollout to others. `npm run bench:floor` fails if a poll costs more than 1.18 × bare node:http, and measures only that.
import { cpus } from 'node:os';
import { makeCertificate } from './certificates.mjs';
import { drive } from './load.mjs';
import { allPeers, bare, fairway, go, inWave, nginx, withoutLane } from './peers.mjs';
import { cpuSeconds, has, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const PATH = '/v1/stable/cloud/version';
const FLOOR = 1.18;
/** A shared machine can be too noisy to measure: then rounds of the same server differ by more than MOST_SPREAD. */
const TRIES = 3;
const MOST_SPREAD = 1.05;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = 2;
/** Seconds before a measurement. An unfinished compiler would count as cost, and more so for servers with more code. */
const WARM_UP = { cost: 2, speed: 1, tls: 9 };
const PLAIN = [
  { name: 'keep-alive', newConnections: false },
  { name: 'new connections', newConnections: true },
];
/** Each connection is a full handshake; agents poll so seldom that none is resumed. */
const TLS = ['ECDSA', 'RSA'].map((key) => ({ name: `new TLS connections, ${key}`, newConnections: true, key }));
const MODES = has('openssl') ? [...PLAIN, ...TLS] : PLAIN;
const certificates = new Map(MODES.flatMap(({ key }) => (key ? [[key, makeCertificate(key)]] : [])));
// The certificates sign themselves.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

const LANE_PEERS = [fairway, withoutLane, bare, ...(has('go') ? [go] : []), ...(has('nginx') ? [nginx] : [])];

if (!has('wrk')) throw new Error('this needs wrk: apt-get install wrk');
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(`${ROUNDS} interleaved rounds of ${SECONDS} s, a fresh process for each\n`);
if (process.argv.includes('--floor')) await checkFloor();
else if (process.argv.includes('--wave')) printRatio(await measureAll([inWave, fairway], PLAIN, false));
else if (process.argv.includes('--lane')) printLane(await measureAll(LANE_PEERS, MODES, false));
else printTables(await measureAll(allPeers(), MODES, cpus().length > 1));

/** The modes that a peer can be measured in. */
function modesOf(peer, modes) {
  return modes.filter(({ key }) => !key || peer.canTls);
}

/** Samples by peer, mode and layout. */
async function measureAll(peers, modes, alsoPinned) {
  const samples = new Map();
  const record = (key, sample) => samples.set(key, [...(samples.get(key) ?? []), sample]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of peers) {
      for (const mode of modesOf(peer, modes)) {
        record(`${peer.name} ${mode.name} shared`, await measure(peer, mode, '0', '0'));
        if (alsoPinned) record(`${peer.name} ${mode.name} pinned`, await measure(peer, mode, '0', '1'));
      }
    }
  }
  return samples;
}

/** With server and load on one core, measures CPU per poll; on two cores, throughput and latency. */
async function measure(peer, mode, serverCores, loadCores) {
  const server = await peer.start(serverCores, certificates.get(mode.key));
  try {
    const url = `${mode.key ? 'https' : 'http'}://127.0.0.1:${server.port}${PATH}`;
    await untilAnswers(url, 'v16.4.6');
    // Handshakes are so slow that the compiler needs longer for its work.
    const warmUp = mode.key ? WARM_UP.tls : serverCores === loadCores ? WARM_UP.cost : WARM_UP.speed;
    await drive(loadCores, url, { ...mode, seconds: warmUp });
    const pids = [server.pid, ...(server.alsoCounts ?? [])];
    const used = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const before = used();
    const load = await drive(loadCores, url, { ...mode, seconds: SECONDS });
    if (load.errors > 0) throw new Error(`${peer.name} answered ${load.errors} polls wrongly`);
    return { ...load, cpu: ((used() - before) * 1e6) / load.requests };
  } finally {
    await server.stop();
  }
}

function printTables(samples) {
  for (const mode of MODES) {
    console.log(`${mode.name}\n`);
    console.log(
      '| server | CPU µs a poll: median, least | × bare node:http | polls/s pinned | p50 ms | p99 ms | load generator busy |',
    );
    console.log('|---|---|---|---|---|---|---|');
    const cpuOf = (peer) => samples.get(`${peer.name} ${mode.name} shared`).map(({ cpu }) => cpu);
    for (const peer of allPeers().filter((each) => modesOf(each, [mode]).length > 0)) {
      const cpu = cpuOf(peer);
      const pinned = samples.get(`${peer.name} ${mode.name} pinned`) ?? [];
      const of = (field) => median(pinned.map((sample) => sample[field]));
      const cells = [
        peer.name,
        `${median(cpu).toFixed(1)}, ${Math.min(...cpu).toFixed(1)}`,
        (median(cpu) / median(cpuOf(bare))).toFixed(2),
        Math.round(of('perSecond') / 100) * 100,
        of('p50').toFixed(2),
        of('p99').toFixed(2),
        `${Math.round(of('loadCpu') * 100)} %`,
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
    console.log('');
  }
}

/** The median of each peer, and the cost of Fairway as shipped relative to it: the median of the ratios of each round. */
function printLane(samples) {
  console.log('| server | mode | CPU µs a poll: median, least | Fairway: × this, median and range of the rounds |');
  console.log('|---|---|---|---|');
  for (const mode of MODES) {
    const cpuOf = (peer) => samples.get(`${peer.name} ${mode.name} shared`).map(({ cpu }) => cpu);
    for (const peer of LANE_PEERS) {
      const cpu = cpuOf(peer);
      const ratios = cpuOf(fairway).map((lane, round) => lane / cpu[round]);
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
      const costs = `${median(cpu).toFixed(1)}, ${Math.min(...cpu).toFixed(1)}`;
      console.log(`| ${peer.name} | ${mode.name} | ${costs} | ${median(ratios).toFixed(2)} (${least}–${most}) |`);
    }
  }
}

/** The cost of a poll in a wave relative to one without a rollout: medians, and the median of the rounds' ratios. */
function printRatio(samples) {
  for (const { name } of PLAIN) {
    const [wave, plain] = [inWave, fairway].map((peer) =>
      samples.get(`${peer.name} ${name} shared`).map(({ cpu }) => cpu),
    );
    const ratios = wave.map((cost, round) => cost / plain[round]);
    const costs = `${median(wave).toFixed(1)} and ${median(plain).toFixed(1)} µs a poll`;
    console.log(`${name}: ${median(ratios).toFixed(2)} × without a rollout (${costs})`);
  }
}

/**
 * Compares the least costs, because noise only adds to them, over more and more rounds until the floor is kept. Fails
 * only if the last rounds agree with each other; if they do not, the machine is too noisy to measure.
 */
async function checkFloor() {
  const all = new Map();
  let spread = 1;
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const samples = await measureAll([fairway, bare], PLAIN, false);
    const costs = new Map([...samples].map(([key, each]) => [key, each.map(({ cpu }) => cpu)]));
    for (const [key, each] of costs) all.set(key, [...(all.get(key) ?? []), ...each]);
    spread = Math.max(...[...costs.values()].map((each) => Math.max(...each) / Math.min(...each)));
    const least = (peer, mode) => Math.min(...all.get(`${peer.name} ${mode.name} shared`));
    const ratios = PLAIN.map((mode) => least(fairway, mode) / least(bare, mode));
    const line = PLAIN.map(({ name }, index) => `${name}: ${ratios[index].toFixed(2)} × bare node:http`).join(', ');
    console.log(`${line}; rounds differ by up to ${spread.toFixed(2)} ×`);
    if (ratios.every((ratio) => ratio <= FLOOR)) return;
  }
  if (spread <= MOST_SPREAD) throw new Error(`a poll costs more than ${FLOOR} × bare node:http`);
  console.log('this machine is too busy to measure whether a poll keeps the floor');
}
