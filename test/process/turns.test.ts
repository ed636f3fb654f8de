import { expect, it } from 'vitest';
import { nextTurn } from '../../src/process/turns.ts';

it('lets one caller go on in each turn, in order, and others in between', async () => {
  const seen: (number | 'other')[] = [];
  const callers = [1, 2, 3].map(async (n) => {
    await nextTurn();
    seen.push(n);
  });
  let isDone = false;
  // Runs once in each turn of the event loop.
  const look = () => {
    if (isDone) return;
    seen.push('other');
    setImmediate(look);
  };
  setImmediate(look);
  await Promise.all(callers);
  isDone = true;
  expect(seen.filter((each) => each !== 'other')).toEqual([1, 2, 3]);
  expect(seen.slice(seen.indexOf(1), seen.indexOf(2))).toContain('other');
  expect(seen.slice(seen.indexOf(2), seen.indexOf(3))).toContain('other');
});
