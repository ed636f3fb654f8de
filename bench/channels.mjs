// Does a poll cost more if there are more channels?
import { drive } from './load.mjs';
import { ask } from './operator.mjs';
import { startFairway } from './peers.mjs';
import { cpuSeconds, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const ROUNDS = 5;
const COUNTS = [1, 100, 10_000];
const servers = [];
for (const count of COUNTS) {
  const server = await startFairway('0');
  const url = `http://127.0.0.1:${server.port}/v1/stable/cloud/version`;
  await untilAnswers(url, 'v16.4.6');
  const channels = Array.from({ length: count - 1 }, (_, index) => ({ name: `many/c${index}`, target: '16.4.6' }));
  for (let done = 0; done < channels.length; done += 1_000) {
    await ask(server, 'POST', '/apply', { fairway: 1, channels: channels.slice(done, done + 1_000) });
  }
  servers.push({ server, url, samples: [] });
}
for (let round = 0; round < ROUNDS; round++) {
  for (const { server, url, samples } of servers) {
    const before = cpuSeconds(server.pid);
    const { requests } = await drive('0', url, { seconds: 2 });
    samples.push(((cpuSeconds(server.pid) - before) * 1e6) / requests);
  }
}
for (const [index, { server, samples }] of servers.entries()) {
  console.log(`${COUNTS[index]} channels: ${median(samples).toFixed(1)} µs a poll`);
  await server.stop();
}
