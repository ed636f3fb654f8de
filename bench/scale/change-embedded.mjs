import { change, fillChannels, measure, milliseconds, withWorld } from './world.mjs';

export const title = 'One change in the embedded store, by the number of channels';

const SIZES = [10, 1_000, 10_000];
const CHANGES = 60;

export const run = (print) =>
  withWorld(0, async (world) => {
    let from = 0;
    for (const size of SIZES) {
      await fillChannels(world, from, size);
      from = size;
      await change(world, 10);
      const { ms, longest, cpu } = await measure(world, () => change(world, CHANGES));
      print({
        channels: size,
        'a change': milliseconds(ms / CHANGES),
        CPU: milliseconds(cpu[0] / CHANGES),
        'longest poll': milliseconds(longest),
      });
    }
  });
