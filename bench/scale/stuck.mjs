import { register, watch, withStages } from './promotions.mjs';
import { fillChannels, fillControlPlanes } from './world.mjs';

export const title = 'Promotions that are stuck at their first stage, on Redis';

const SIZES = [1, 100];
const CHANNELS = 10;
const stage = (name, from) => ({
  name,
  channels: Array.from({ length: CHANNELS }, (_, n) => `many/c${from + n}`),
  controlPlanes: ['tenant-0'],
  ...{ soak: '1h', automatic: true, signOff: false, approval: false },
});

export const run = (print) =>
  withStages([stage('canary', 0), stage('all', CHANNELS)], 1, async (world) => {
    const [server] = world.servers;
    await fillChannels(world, 0, 2 * CHANNELS);
    await fillControlPlanes(world, 0, 1);
    let registered = 0;
    for (const size of SIZES) {
      for (; registered < size; registered++) {
        const cut = new Date(Date.UTC(2024, 0, 1 + registered, 10, 15, 30));
        const stamp = cut.toISOString().replace(/[-:]|\.000Z/g, '');
        await register(server, `17.0.0-cloud.${stamp}.f00dfac`, cut.toISOString());
      }
      const idle = await watch(world);
      print({
        promotions: size,
        'CPU of a core': idle.cpu,
        'commands a second': idle.commands,
        'longest poll': idle.longest,
      });
    }
  });
