import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openRedis } from '../store/redis-harness.ts';
import { startRedis } from '../support/redis-server.ts';

it('prints nothing to standard error while a sentinel is away', async () => {
  const primary = await startRedis({ args: ['--appendonly', 'no'] });
  onTestFinished(primary.stop);
  const config = [`sentinel monitor main 127.0.0.1 ${primary.port} 2`];
  const [first, second] = await Promise.all([startRedis({ sentinel: config }), startRedis({ sentinel: config })]);
  onTestFinished(() => first.stop());
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  onTestFinished(() => printed.mockRestore());
  const store = await openRedis(`redis+sentinel://127.0.0.1:${first.port},127.0.0.1:${second.port}/main`);
  onTestFinished(() => store.close());

  await second.stop();
  let attempts = 0;
  const closed = createServer((socket) => {
    attempts++;
    socket.resetAndDestroy();
  }).listen(second.port, '127.0.0.1');
  await once(closed, 'listening');
  onTestFinished(() => void closed.close());
  await vi.waitFor(() => expect(attempts).toBeGreaterThan(2), { timeout: 20_000, interval: 20 });
  expect(printed).not.toHaveBeenCalled();
}, 40_000);
