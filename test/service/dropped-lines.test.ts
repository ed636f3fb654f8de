import { expect, it } from 'vitest';
import { createDroppedLines } from '../../src/service/dropped-lines.ts';

it('keeps the newest of each line, and what was put back', () => {
  const dropped = createDroppedLines();
  dropped.note({ channel: 'a', version: '15.4.9', at: 2 });
  dropped.note({ channel: 'a', version: '15.1.0', at: 1 });
  const taken = dropped.take();
  expect(taken).toEqual([{ channel: 'a', line: '15.x', at: 2 }]);
  expect(dropped.take()).toEqual([]);
  dropped.note({ channel: 'a', version: '15.0.0', at: 3 });
  dropped.note({ channel: 'a', version: '?', at: 3 });
  dropped.putBack(taken);
  expect(dropped.take()).toEqual([
    { channel: 'a', line: '15.x', at: 3 },
    { channel: 'a', line: '?', at: 3 },
  ]);
});

it('keeps a bounded number, and beyond it at least each channel', () => {
  const dropped = createDroppedLines();
  for (let channel = 0; channel < 200; channel++) {
    for (let major = 6; major < 20; major++) dropped.note({ channel: `c${channel}`, version: `${major}.0.0`, at: 1 });
  }
  const taken = dropped.take();
  expect(taken.length).toBeLessThanOrEqual(1_200);
  expect(new Set(taken.map(({ channel }) => channel)).size).toBe(200);
});
