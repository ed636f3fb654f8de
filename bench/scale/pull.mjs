import { ask } from '../operator.mjs';
import { apply, fillChannels, measure, milliseconds, withWorld } from './world.mjs';

export const title = 'The pull of a release that all channels serve, by their number';

const SIZES = [100, 1_000, 10_000];
const AT_ONCE = 500;
const GOOD = '16.4.6';

/** Moves the first `count` channels to `version`. */
async function move(server, count, version) {
  for (let done = 0; done < count; done += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - done);
    const channels = Array.from({ length }, (_, index) => ({ name: `many/c${done + index}`, target: version }));
    await apply(server, { channels });
  }
}

const runOn = (store, replicas, print) =>
  withWorld(replicas, async (world) => {
    const [server] = world.servers;
    let from = 0;
    for (const [nth, size] of SIZES.entries()) {
      const bad = `16.${5 + nth}.0`;
      const list = [GOOD, bad].map((version) => ({ version, date: null, security: false }));
      await ask(server, 'POST', '/releases/import', list);
      await fillChannels(world, from, size);
      from = size;
      await move(server, size, bad);
      let moved = 0;
      const { ms, longest, cpu } = await measure(world, async () => {
        moved = (await ask(server, 'POST', `/releases/${bad}/pull`, { reason: 'bench' })).total;
      });
      print({
        store,
        channels: moved,
        'the pull': milliseconds(ms),
        CPU: milliseconds(cpu[0]),
        'longest poll': milliseconds(longest),
      });
    }
  });

export async function run(print) {
  await runOn('Redis', 1, print);
  await runOn('embedded', 0, print);
}
