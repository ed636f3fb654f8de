import { afterEach, expect, it, vi } from 'vitest';
import { readUntil } from '../../src/cli/until.ts';

const NOW = new Date('2026-11-22T12:00:00Z');

afterEach(() => void vi.unstubAllEnvs());

it.each([
  ['90m', '2026-11-22T13:30:00.000Z'],
  ['2h', '2026-11-22T14:00:00.000Z'],
  ['3d', '2026-11-25T12:00:00.000Z'],
  ['18:00', '2026-11-22T18:00:00.000Z'],
  ['9:05', '2026-11-23T09:05:00.000Z'],
  ['12:00', '2026-11-23T12:00:00.000Z'],
  ['2026-12-01', '2026-12-01T00:00:00.000Z'],
  ['2026-12-01T08:00:00+02:00', '2026-12-01T06:00:00.000Z'],
])('reads %s, at noon in UTC, as %s', (text, expected) => {
  vi.stubEnv('TZ', 'UTC');
  expect(readUntil(text, NOW)).toBe(expected);
});

it('reads a time of day in the local time zone', () => {
  vi.stubEnv('TZ', 'Asia/Tokyo');
  expect(readUntil('18:00', NOW)).toBe('2026-11-23T09:00:00.000Z');
});

it.each(['', 'soon', '2', '2w', '-2h', '24:00', '18:60', '2026-13-01', '99999999d', '1'])(
  'does not accept %j as a time',
  (text) => {
    expect(() => readUntil(text, NOW)).toThrow('write 90m, 2h, 3d, 18:00 or');
  },
);
