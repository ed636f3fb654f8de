import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeMoment, readMoment } from '../../src/domain/moment.ts';

const NOON = new Date('2026-11-22T12:00:00Z');
const BERLIN = 'Europe/Berlin';
/** Its clocks go forward at midnight. */
const BEIRUT = 'Asia/Beirut';

describe('a time that a person writes', () => {
  it.each([
    ['90m', 'UTC', '2026-11-22T13:30:00.000Z'],
    ['2h', BERLIN, '2026-11-22T14:00:00.000Z'],
    ['3d', 'UTC', '2026-11-25T12:00:00.000Z'],
    ['18:00', 'UTC', '2026-11-22T18:00:00.000Z'],
    ['18:00', BERLIN, '2026-11-22T17:00:00.000Z'],
    ['18:00', 'Asia/Tokyo', '2026-11-23T09:00:00.000Z'],
    ['9:05', 'UTC', '2026-11-23T09:05:00.000Z'],
    ['12:00', 'UTC', '2026-11-23T12:00:00.000Z'],
    ['tomorrow 08:00', BERLIN, '2026-11-23T07:00:00.000Z'],
    ['tomorrow', BERLIN, '2026-11-22T23:00:00.000Z'],
    ['2026-12-01', 'UTC', '2026-12-01T00:00:00.000Z'],
    ['2026-12-01', BERLIN, '2026-11-30T23:00:00.000Z'],
    ['2026-12-01T00:00', BERLIN, '2026-11-30T23:00:00.000Z'],
    ['2026-12-01 08:00', BERLIN, '2026-12-01T07:00:00.000Z'],
    ['2026-12-01T08:00:30', BERLIN, '2026-12-01T07:00:30.000Z'],
    ['2026-12-01T08:00[Asia/Tokyo]', BERLIN, '2026-11-30T23:00:00.000Z'],
    ['2026-12-01T08:00:00+02:00', BERLIN, '2026-12-01T06:00:00.000Z'],
    ['2026-12-01T08:00Z', BERLIN, '2026-12-01T08:00:00.000Z'],
    // Either of the two hours that are 02:30, by its offset.
    ['2026-10-25T02:30+02:00', BERLIN, '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T02:30+01:00', BERLIN, '2026-10-25T01:30:00.000Z'],
    // The day begins at 01:00 where midnight is left out.
    ['2026-03-29', BEIRUT, '2026-03-28T22:00:00.000Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(readMoment(text, NOON, zone)).toEqual({ at: new Date(expected), fault: null });
  });

  it.each([
    ['2027-02-30', 'there is no day 2027-02-30'],
    ['2027-02-29T08:00Z', 'there is no day 2027-02-29'],
    ['2026-13-01', 'there is no day 2026-13-01'],
    ['2026-12-01T24:30', 'there is no time of day 24:30'],
    ['24:00', 'there is no time of day 24:00'],
    ['tomorrow 25:00', 'there is no time of day 25:00'],
    ['2026-12-01T08:00+99:00', 'there is no offset +99:00'],
    ['2026-12-01T08:00[Europe/Nowhere]', 'there is no time zone Europe/Nowhere'],
    ['2026-10-25T02:30', 'comes twice in Europe/Berlin; write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00'],
    [
      '2026-03-29T02:30',
      'does not exist in Europe/Berlin, where clocks skip it; write 2026-03-29T01:30 or 2026-03-29T03:30',
    ],
  ])('%s does not exist, or not once', (text, fault) => {
    expect(readMoment(text, NOON, BERLIN)).toEqual({ at: null, fault: expect.stringContaining(fault) });
  });

  it('takes a time of day that comes twice only with its date and offset', () => {
    const evening = new Date('2026-10-24T18:00:00Z');
    expect(readMoment('02:30', evening, BERLIN).fault).toContain('comes twice');
    expect(readMoment('02:30', new Date('2026-10-25T02:00:00Z'), BERLIN).at).toEqual(new Date('2026-10-26T01:30:00Z'));
  });

  it.each([
    '',
    ' ',
    'soon',
    '2',
    '5',
    '2001',
    '2w',
    '-2h',
    '18:6',
    '99999999d',
    '2026',
    '2026-12',
    '12/01/2026',
    '2026-12-01Z',
  ])('does not accept %j', (text) => {
    expect(readMoment(text, NOON, 'UTC').fault).toMatch(/is not a valid time; write 90m, 2h/);
  });

  it('reads back what it describes', () => {
    const zones = fc.constantFrom('UTC', BERLIN, BEIRUT, 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe');
    const moments = fc.date({ min: new Date('2024-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(moments, zones, (when, zone) => {
        const at = new Date(Math.floor(when.getTime() / 60_000) * 60_000);
        const [, local = ''] = /^(\S+ \S+)/.exec(describeMoment(at, zone)) ?? [];
        const reading = readMoment(local, NOON, zone);
        // Of an hour that comes twice, the offset says which.
        if (reading.fault !== null) expect(reading.fault).toContain('comes twice');
        else expect(reading.at).toEqual(at);
      }),
      { numRuns: 300 },
    );
  });
});

it('shows a point in time in the zone and in UTC', () => {
  expect(describeMoment(NOON, BERLIN)).toBe('2026-11-22 13:00 Europe/Berlin (2026-11-22 12:00 UTC)');
  expect(describeMoment(NOON, 'UTC')).toBe('2026-11-22 12:00 UTC');
});
