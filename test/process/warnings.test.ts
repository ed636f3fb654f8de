import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { countWarnings } from '../../src/process/warnings.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('logs the first of like warnings at once, and the others of a minute as one with their number', () => {
  const logged: unknown[] = [];
  const warn = countWarnings({ warn: (...line: unknown[]) => void logged.push(line) });
  for (let n = 0; n < 250; n++) warn({ channel: n }, 'not looked at');
  warn({ task: 'sweep' }, 'failed');
  expect(logged).toEqual([
    [{ channel: 0 }, 'not looked at'],
    [{ task: 'sweep' }, 'failed'],
  ]);
  vi.advanceTimersByTime(60_000);
  warn({ channel: 250 }, 'not looked at');
  expect(logged.slice(2)).toEqual([[{ channel: 249, more: 248 }, 'not looked at']]);
  vi.advanceTimersByTime(120_000);
  warn({ channel: 251 }, 'not looked at');
  expect(logged.slice(3)).toEqual([
    [{ channel: 250 }, 'not looked at'],
    [{ channel: 251 }, 'not looked at'],
  ]);
});
