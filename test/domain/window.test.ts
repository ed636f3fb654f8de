import { describe, expect, it } from 'vitest';
import { DAYS, type Day, openingAt, type Schedule, windowFault } from '../../src/domain/window.ts';

const berlin = (start: string, length: string, days: readonly Day[] = DAYS): Schedule => ({
  window: { start, for: length, timeZone: 'Europe/Berlin' },
  days,
});
const NEVER = Number.POSITIVE_INFINITY;

describe('a window', () => {
  // In 2026 the clocks of Berlin go from 02:00 to 03:00 on 29 March and from 03:00 back to 02:00 on 25 October.
  it.each<[what: string, schedule: Schedule, at: string, open: boolean, until: string]>([
    ['before it opens', berlin('04:00', '6h'), '2026-11-27T02:59:59Z', false, '2026-11-27T03:00:00Z'],
    ['when it opens', berlin('04:00', '6h'), '2026-11-27T03:00:00Z', true, '2026-11-27T09:00:00Z'],
    ['just before it closes', berlin('04:00', '6h'), '2026-11-27T08:59:59Z', true, '2026-11-27T09:00:00Z'],
    ['when it closes', berlin('04:00', '6h'), '2026-11-27T09:00:00Z', false, '2026-11-28T03:00:00Z'],
    ['over midnight', berlin('22:00', '6h'), '2026-11-27T01:00:00Z', true, '2026-11-27T03:00:00Z'],
    [
      'on Monday only, on a Friday',
      berlin('04:00', '1h', ['Mon']),
      '2026-11-27T12:00:00Z',
      false,
      '2026-11-30T03:00:00Z',
    ],
    ['from Monday into Tuesday', berlin('22:00', '6h', ['Mon']), '2026-12-01T02:00:00Z', true, '2026-12-01T03:00:00Z'],
    ['that starts in the missing hour', berlin('02:30', '1h'), '2026-03-29T01:29:00Z', false, '2026-03-29T01:30:00Z'],
    ['that started in the missing hour', berlin('02:30', '1h'), '2026-03-29T01:30:00Z', true, '2026-03-29T02:30:00Z'],
    ['over the missing hour', berlin('01:00', '4h'), '2026-03-29T03:59:00Z', true, '2026-03-29T04:00:00Z'],
    [
      'that starts in the first of two hours',
      berlin('02:30', '1h'),
      '2026-10-25T00:30:00Z',
      true,
      '2026-10-25T01:30:00Z',
    ],
    ['in the second of two hours', berlin('02:30', '1h'), '2026-10-25T01:30:00Z', false, '2026-10-26T01:30:00Z'],
    ['over the doubled hour', berlin('01:00', '4h'), '2026-10-25T02:59:00Z', true, '2026-10-25T03:00:00Z'],
    ['after daylight saving begins', berlin('04:00', '6h'), '2026-03-29T02:00:00Z', true, '2026-03-29T08:00:00Z'],
    [
      'of two days that touch',
      berlin('00:00', '24h', ['Mon', 'Tue']),
      '2026-11-30T12:00:00Z',
      true,
      '2026-12-01T23:00:00Z',
    ],
    ['of whole days in UTC', { window: null, days: ['Sat'] }, '2026-11-27T12:00:00Z', false, '2026-11-28T00:00:00Z'],
  ])('%s', (_, schedule, at, open, until) => {
    expect(openingAt(schedule, new Date(at))).toEqual({ open, until: Date.parse(until) });
  });

  it.each<[string, Schedule]>([
    ['without a window', { window: null, days: DAYS }],
    ['of all hours', { window: { start: '07:00', for: '24h', timeZone: 'UTC' }, days: DAYS }],
  ])('%s is always open', (_, schedule) => {
    expect(openingAt(schedule, new Date('2026-11-27T12:00:00Z'))).toEqual({ open: true, until: NEVER });
  });

  it.each<[string, string, string, RegExp | null]>([
    ['04:00', '6h', 'Europe/Berlin', null],
    ['00:00', '24h', 'UTC', null],
    ['24:00', '6h', 'UTC', /time of day/],
    ['4:00', '6h', 'UTC', /time of day/],
    ['04:00', '0h', 'UTC', /no length/],
    ['04:00', '25h', 'UTC', /at most 24h/],
    ['04:00', 'six', 'UTC', /a duration/],
    ['04:00', '6h', 'Europe/Atlantis', /no time zone Europe\/Atlantis/],
    ['04:00', '6h', '', /no time zone/],
  ])('from %s for %s in "%s" is judged', (start, length, timeZone, fault) => {
    const found = windowFault({ start, for: length, timeZone });
    if (fault === null) expect(found).toBeNull();
    else expect(found).toMatch(fault);
  });
});
