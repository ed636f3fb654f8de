import { expect, it } from 'vitest';
import { duration, parseDuration } from '../../src/domain/duration.ts';

it.each([
  [0, '0 s'],
  [-3, '0 s'],
  [59.9, '59 s'],
  [60, '60 s'],
  [119, '119 s'],
  [120, '2 min'],
  [90 * 60, '90 min'],
  [7_199, '119 min'],
  [7_200, '2 h'],
  [47 * 3_600, '47 h'],
  [48 * 3_600, '2 d'],
  [90 * 86_400, '90 d'],
])('%s seconds are %s', (seconds, expected) => {
  expect(duration(seconds)).toBe(expected);
});

it.each([
  ['500ms', 500],
  ['0s', 0],
  ['30s', 30_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['30d', 2_592_000_000],
  ['', null],
  ['5', null],
  ['5w', null],
  ['-5m', null],
  ['1.5h', null],
  ['5 m', null],
  ['5M', null],
  ['1234567s', null],
])('%j is %s ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});
