import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { readLogs, runFairway } from '../support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

it('the stack of a logged error names places in the sources, not in the bundle', async () => {
  const program = runFairway({ env: { REDIS_URL: 'redis://127.0.0.1:1' } });
  const { err } = await vi.waitUntil(() => readLogs(program.stdout).find((line) => 'err' in line), { timeout: 30_000 });
  const { stack } = err as { stack: string };
  expect(stack).not.toContain('/dist/');
  const [, file = '', line] = /at unavailable \((.*\/src\/store\/redis-errors\.ts):(\d+):\d+\)/.exec(stack) ?? [];
  expect(readFileSync(file, 'utf8').split('\n')[Number(line) - 1]).toContain('new FairwayError(');
});
