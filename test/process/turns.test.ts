import { expect, it } from 'vitest';
import { takeTurns } from '../../src/process/turns.ts';

it('lets one caller go on in each turn, in order, and others in between', async () => {
  const turn = takeTurns();
  const seen: (number | 'other')[] = [];
  const callers = [1, 2, 3].map(async (n) => {
    await turn();
    seen.push(n);
  });
  // Runs once in each turn of the event loop.
  const others = setInterval(() => {}, 0);
  let isDone = false;
  const look = () => {
    if (isDone) return;
    seen.push('other');
    setImmediate(look);
  };
  setImmediate(look);
  await Promise.all(callers);
  isDone = true;
  clearInterval(others);
  expect(seen.filter((each) => each !== 'other')).toEqual([1, 2, 3]);
  // The first goes on at once, the second with the next turn, which others begin in as well.
  expect(seen.slice(seen.indexOf(2), seen.indexOf(3))).toContain('other');
});

it('lets a caller go on at once if none waits', async () => {
  const turn = takeTurns();
  let turns = 0;
  setImmediate(() => turns++);
  await turn();
  expect(turns).toBe(0);
});
