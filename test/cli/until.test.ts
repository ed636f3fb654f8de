import { afterEach, expect, it, vi } from 'vitest';
import { describeTime, readTime } from '../../src/cli/until.ts';

const NOW = new Date('2026-11-22T12:00:00Z');

afterEach(() => void vi.unstubAllEnvs());

it.each([
  ['UTC', '18:00', '2026-11-22T18:00:00.000Z'],
  ['Asia/Tokyo', '18:00', '2026-11-23T09:00:00.000Z'],
  // A date alone and a date with a time mean the same zone.
  ['Asia/Tokyo', '2026-12-01', '2026-11-30T15:00:00.000Z'],
  ['Asia/Tokyo', '2026-12-01T00:00', '2026-11-30T15:00:00.000Z'],
])('reads an end in the time zone of the terminal: %s %s', (zone, text, expected) => {
  vi.stubEnv('TZ', zone);
  expect(readTime('--until', text, NOW).toISOString()).toBe(expected);
});

it('shows the moment in the zone of the terminal and in UTC', () => {
  vi.stubEnv('TZ', 'Asia/Tokyo');
  expect(describeTime(NOW)).toBe('2026-11-22 21:00 Asia/Tokyo (2026-11-22 12:00 UTC)');
});

it.each([
  ['soon', '--until: "soon" is not a valid time; write 90m, 2h, 3d, 18:00'],
  ['2027-02-30', '--until: there is no day 2027-02-30'],
])('refuses the end %s by the name of its option', (text, message) => {
  vi.stubEnv('TZ', 'UTC');
  expect(() => readTime('--until', text, NOW)).toThrow(message);
});

it('takes no bare number for a year', () => {
  expect(() => readTime('--at', '5', NOW)).toThrow('--at: "5" is not a valid time');
});
