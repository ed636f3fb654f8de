import { change, fillChannels, kilobytes, measure, milliseconds, withWorld } from './world.mjs';

export const title = 'One change on Redis with two replicas, by the number of channels';

const SIZES = [10, 1_000, 10_000];
const CHANGES = 60;

export const run = (print) =>
  withWorld(2, async (world) => {
    let from = 0;
    for (const size of SIZES) {
      await fillChannels(world, from, size);
      from = size;
      await change(world, 10);
      const { ms, longest, bytes, cpu } = await measure(world, () => change(world, CHANGES));
      print({
        channels: size,
        'a change': milliseconds(ms / CHANGES),
        'out of Redis': kilobytes(bytes / CHANGES),
        'CPU of its server': milliseconds(cpu[0] / CHANGES),
        'CPU of the other': milliseconds(cpu[1] / CHANGES),
        'longest poll': milliseconds(longest),
      });
    }
  });
