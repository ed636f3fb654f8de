import { describe, expect, it } from 'vitest';
import { addReading, heldVersions, type PlaneReading } from '../../src/domain/plane-readings.ts';

const SETTLE_FOR = 100;

/** The versions that count after readings such as `a` and `ab`, each at its moment. */
function after(...readings: [at: number, versions: string][]): string[] {
  let recent: PlaneReading[] = [];
  for (const [at, versions] of readings) recent = addReading(recent, { at, versions: [...versions] }, SETTLE_FOR);
  return heldVersions(recent);
}

describe('the versions of a control plane that count', () => {
  it.each<[what: string, readings: [at: number, versions: string][], versions: string]>([
    ['are those of the only reading', [[0, 'a']], 'a'],
    [
      'are those of the last reading after a change',
      [
        [0, 'a'],
        [1, 'a'],
        [2, 'b'],
        [3, 'b'],
      ],
      'b',
    ],
    [
      'are all of those that alternate',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
      ],
      'ab',
    ],
    [
      'stay so while they alternate',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
        [3, 'b'],
        [4, 'b'],
      ],
      'ab',
    ],
    [
      'are three where three take turns',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
        [3, 'a'],
      ],
      'abc',
    ],
    [
      'are the last one once the other was not seen for long enough',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
        [3, 'b'],
        [102, 'b'],
      ],
      'b',
    ],
    [
      'stay held until then',
      [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
        [3, 'b'],
        [101, 'b'],
      ],
      'ab',
    ],
    [
      'may be several in one reading',
      [
        [0, 'a'],
        [1, 'ab'],
      ],
      'ab',
    ],
    [
      'do not depend on the order in a reading',
      [
        [0, 'ab'],
        [1, 'ba'],
        [2, 'b'],
      ],
      'b',
    ],
    [
      'are not held for a return after a long time',
      [
        [0, 'a'],
        [60, 'b'],
        [120, 'b'],
        [170, 'a'],
      ],
      'a',
    ],
  ])('%s', (_, readings, versions) => {
    expect(after(...readings).sort()).toEqual([...versions]);
  });

  it('are held on by a new leader', () => {
    const inherited: PlaneReading[] = [{ at: 0, versions: ['a', 'b'], held: true }];
    const recent = addReading(inherited, { at: 1, versions: ['b'] }, SETTLE_FOR);
    expect(heldVersions(recent)).toEqual(['a', 'b']);
    expect(heldVersions(addReading(recent, { at: 100, versions: ['b'] }, SETTLE_FOR))).toEqual(['b']);
  });

  it('are bounded in number', () => {
    let recent: PlaneReading[] = [];
    for (let at = 0; at < 99; at++) recent = addReading(recent, { at, versions: [String(at)] }, SETTLE_FOR);
    expect(recent.length).toBe(32);
  });
});
