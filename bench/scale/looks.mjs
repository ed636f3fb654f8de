import { ask, TOKEN } from '../operator.mjs';
import { fillChannels, measure, milliseconds, withWorld } from './world.mjs';

export const title = 'Looks at the agents of all channels, by channels and releases';

const SIZES = [
  [10, 10],
  [1_000, 1_000],
  [1_000, 20_000],
];
const LOOKS = ['/api/v1/census', '/api/v1/census?channel=stable%2Fcloud', '/metrics'];
const TIMES = 5;
/** Releases in one import. */
const AT_ONCE = 1_000;

async function fillReleases(server, from, count) {
  for (let done = from; done < count; done += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - done);
    const versions = Array.from({ length }, (_, n) => `15.${Math.floor((done + n) / 100)}.${(done + n) % 100}`);
    const list = versions.map((version) => ({ version, date: null, security: false }));
    await ask(server, 'POST', '/releases/import', list);
  }
}

export const run = (print) =>
  withWorld(1, async (world) => {
    const [server] = world.servers;
    let [fromChannels, fromReleases] = [0, 0];
    for (const [channels, releases] of SIZES) {
      await fillChannels(world, fromChannels, channels);
      await fillReleases(server, fromReleases, releases);
      [fromChannels, fromReleases] = [channels, releases];
      const line = { channels, releases };
      for (const path of LOOKS) {
        const { ms, longest } = await measure(world, async () => {
          for (let time = 0; time < TIMES; time++) await look(server, path);
        });
        line[path] = milliseconds(ms / TIMES);
        line['longest poll'] = milliseconds(Math.max(longest, Number.parseFloat(line['longest poll'] ?? '0')));
      }
      print(line);
    }
  });

async function look({ operatorPort }, path) {
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`http://127.0.0.1:${operatorPort}${path}`, { headers });
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
  await response.arrayBuffer();
}
