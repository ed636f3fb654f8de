import { TOKEN } from '../operator.mjs';
import { fillControlPlanes, measure, milliseconds, withWorld } from './world.mjs';

export const title = 'Control planes that report a new version, 16 at a time, to two replicas';

const SIZES = [100, 1_000, 10_000];
/** At most this long a size. */
const SECONDS = 8;
const MOST = 2_000;
const AT_ONCE = 16;

export const run = (print) =>
  withWorld(2, async (world) => {
    let from = 0;
    let reported = 0;
    const version = () => `16.${5 + Math.floor(reported / 100)}.${reported % 100}`;
    for (const size of SIZES) {
      await fillControlPlanes(world, from, size);
      from = size;
      const statuses = new Map();
      const end = performance.now() + SECONDS * 1_000;
      let done = 0;
      const { ms, longest } = await measure(world, () =>
        Promise.all(
          Array.from({ length: AT_ONCE }, async (_, lane) => {
            while (done < MOST && performance.now() < end + 2_000) {
              done++;
              reported++;
              const status = await report(world.servers[lane % 2], `tenant-${reported % size}`, version());
              statuses.set(status, (statuses.get(status) ?? 0) + 1);
            }
          }),
        ),
      );
      const taken = statuses.get(200) ?? 0;
      statuses.delete(200);
      print({
        'control planes': size,
        'reports a second': Math.round((taken * 1_000) / ms),
        refused: [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ') || '0',
        'longest poll': milliseconds(longest),
      });
    }
  });

async function report({ operatorPort }, name, version) {
  const response = await fetch(`http://127.0.0.1:${operatorPort}/api/v1/control-planes/${name}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ version }),
  });
  await response.arrayBuffer();
  return response.status;
}
