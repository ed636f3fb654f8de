import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptedReadings,
  anonymousPeak,
  fallOf,
  isFirstOfNobody,
  type Reading,
  readingsAfter,
  readingsPeak,
} from '../../src/domain/survey.ts';

const SETTLE = 15;
const POLICY = { settleFor: SETTLE, maxFall: 0.2 };

/** Readings of so many agents at given minutes. */
const readingsOf = (...readings: [minute: number, agents: number][]): Reading[] =>
  readings.reduce<Reading[]>(
    (all, [at, agents]) => readingsAfter(all, { from: at, until: at, agents, anonymous: { '16.4.6': agents } }, SETTLE),
    [],
  );

describe('a reading counts', () => {
  it.each<[string, [number, number][], number]>([
    ['as long as nothing else was read', [[0, 22]], 22],
    [
      'when a lower one comes, however late',
      [
        [0, 22],
        [1_000, 1],
      ],
      22,
    ],
    [
      'until 15 minutes after the lower one',
      [
        [0, 22],
        [1, 1],
        [15, 1],
      ],
      22,
    ],
    [
      'no longer once the lower one is confirmed',
      [
        [0, 22],
        [1, 1],
        [16, 1],
      ],
      1,
    ],
    [
      'no longer once the lower one is confirmed by a still lower one',
      [
        [0, 22],
        [1, 3],
        [16, 1],
      ],
      3,
    ],
    [
      'again after it was seen again',
      [
        [0, 22],
        [1, 1],
        [10, 22],
        [16, 1],
      ],
      22,
    ],
    [
      'until the second lower one is confirmed, then',
      [
        [0, 22],
        [1, 1],
        [10, 22],
        [16, 1],
        [31, 1],
      ],
      1,
    ],
    [
      'no longer than a higher one',
      [
        [0, 22],
        [1, 30],
      ],
      30,
    ],
  ])('%s', (_, readings, expected) => {
    expect(anonymousPeak({ readings: readingsOf(...readings) })).toEqual({ '16.4.6': expected });
  });

  it('version by version', () => {
    const first = { from: 0, until: 0, agents: 3, anonymous: { '16.4.6': 1, '17.0.0': 2 } };
    const second = { from: 1, until: 1, agents: 3, anonymous: { '16.4.6': 3 } };
    expect(anonymousPeak({ readings: readingsAfter([first], second, SETTLE) })).toEqual({ '16.4.6': 3, '17.0.0': 2 });
  });

  it('and equal ones are one', () => {
    expect(readingsOf([0, 5], [1, 5], [2, 5])).toEqual([{ from: 0, until: 2, agents: 5, anonymous: { '16.4.6': 5 } }]);
  });

  it('in bounded space, however often the source changes, and never less than it should', () => {
    const minutes = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.nat(30)), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(minutes, (steps) => {
        let now = 0;
        const history = steps.map(([wait, agents]): [number, number] => {
          now += wait;
          return [now, agents];
        });
        const readings = readingsOf(...history);
        expect(readings.length).toBeLessThanOrEqual(32);
        const lately = history.filter(([at]) => at > now - SETTLE).map(([, agents]) => agents);
        expect(anonymousPeak({ readings })['16.4.6'] ?? 0).toBeGreaterThanOrEqual(Math.max(...lately));
      }),
    );
  });
});

describe('a fall', () => {
  it.each<[string, [number, number][], { from: number; to: number; since: number } | null]>([
    ['is none at the first reading', [[0, 0]], null],
    [
      'is none where more are there',
      [
        [0, 10],
        [1, 12],
      ],
      null,
    ],
    [
      'of 5 agents is none',
      [
        [0, 20],
        [1, 15],
      ],
      null,
    ],
    [
      'of 20 % is none',
      [
        [0, 100],
        [1, 80],
      ],
      null,
    ],
    [
      'of more than 20 % and more than 5 agents is one',
      [
        [0, 100],
        [1, 79],
      ],
      { from: 100, to: 79, since: 1 },
    ],
    [
      'to no agent is one, however few there were',
      [
        [0, 1],
        [1, 0],
      ],
      { from: 1, to: 0, since: 1 },
    ],
    [
      'in small steps is one',
      [
        [0, 100],
        [1, 85],
        [2, 75],
      ],
      { from: 100, to: 75, since: 2 },
    ],
    [
      'is over once it is confirmed',
      [
        [0, 100],
        [1, 10],
        [16, 10],
      ],
      null,
    ],
    [
      'is none where the agents are back',
      [
        [0, 100],
        [1, 10],
        [2, 99],
      ],
      null,
    ],
  ])('%s', (_, readings, expected) => {
    expect(fallOf({ readings: readingsOf(...readings) }, POLICY)).toEqual(expected);
  });
});

describe('an inventory', () => {
  const reading = (at: number, versions: Record<string, number>): Reading => {
    const agents = Object.values(versions).reduce((sum, count) => sum + count, 0);
    return { from: at, until: at, agents, anonymous: {}, versions };
  };
  const readAll = (...all: Reading[]) =>
    all.reduce<Reading[]>((readings, next) => readingsAfter(readings, next, SETTLE), []);

  it('is known as it was before while a fall settles', () => {
    const readings = readAll(reading(0, { '15.4.9': 1, '16.4.6': 9 }), reading(1, { '16.4.6': 1 }));
    expect(readingsPeak({ readings })).toEqual({ '15.4.9': 1, '16.4.6': 9 });
    const confirmed = readingsAfter(readings, reading(16, { '16.4.6': 1 }), SETTLE);
    expect(readingsPeak({ readings: confirmed })).toEqual({ '16.4.6': 1 });
  });

  it('of as many agents at other versions is another reading', () => {
    const [before, after] = [reading(0, { '15.4.9': 9 }), reading(1, { '16.4.6': 9 })];
    const readings = readAll(before, after, reading(2, { '16.4.6': 1 }));
    expect(readings).toHaveLength(3);
    expect(readingsPeak({ readings })).toEqual({ '15.4.9': 9, '16.4.6': 9 });
  });
});

it('what a person confirms counts alone, and as if it had gone on for long enough', () => {
  const isEarly = (readings: Reading[]) => isFirstOfNobody({ source: 'teleport-metrics', readings }, POLICY);
  const fallen = readingsOf([0, 9], [20, 0]);
  expect(fallOf({ readings: fallen }, POLICY)).toMatchObject({ from: 9, to: 0 });
  for (const readings of [fallen, readingsOf([20, 0])]) {
    const accepted = acceptedReadings(readings, POLICY);
    expect(accepted).toMatchObject([{ from: 5, until: 20, agents: 0 }]);
    expect(fallOf({ readings: accepted }, POLICY)).toBeNull();
    expect(isEarly(accepted)).toBe(false);
  }
  expect(isEarly(readingsOf([20, 0]))).toBe(true);
});
