import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../statistics.mjs';
import { change, fillChannels, kilobytes, measure, milliseconds, poll, withWorld } from './world.mjs';

export const title = 'One change with eight replicas, until the last one serves it';

const SIZES = [10, 5_000];
const CHANGES = 40;

export const run = (print) =>
  withWorld(8, async (world) => {
    const agents = world.servers.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    let from = 0;
    for (const size of SIZES) {
      await fillChannels(world, from, size);
      from = size;
      const times = [];
      const until = async (index, version) => {
        while ((await poll(world.servers[index], agents[index])) !== version) await sleep(2);
      };
      const timed = (version) => {
        const begun = performance.now();
        const all = Promise.all(world.servers.map((_, index) => until(index, version)));
        return all.then(() => times.push(performance.now() - begun));
      };
      await change(world, 10, timed);
      times.length = 0;
      const { longest, bytes } = await measure(world, () => change(world, CHANGES, timed));
      print({
        channels: size,
        'served by the last, median': milliseconds(quantile(times, 0.5)),
        p90: milliseconds(quantile(times, 0.9)),
        'out of Redis': kilobytes(bytes / CHANGES),
        'longest poll': milliseconds(longest),
      });
    }
    for (const agent of agents) agent.destroy();
  });
