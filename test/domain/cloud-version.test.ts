import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatStampTime } from '../../src/domain/cloud-version.ts';
import { parseVersion, readVersion } from '../../src/domain/version.ts';

const cloud = (time: string, hash = 'aabbcc') => `14.0.0-cloud.${time}.${hash}`;

describe('a cloud version', () => {
  it('has the time of its tag and its commit (the example of RFD 134)', () => {
    expect(parseVersion('v14.0.0-cloud.20230712T123633.aabbcc')).toEqual({
      text: '14.0.0-cloud.20230712T123633.aabbcc',
      major: 14,
      minor: 0,
      patch: 0,
      kind: 'cloud',
      cloud: { cutAt: new Date('2023-07-12T12:36:33Z'), hash: 'aabbcc' },
    });
  });

  it.each([
    ['29 February of a leap year', '20240229T000000'],
    ['29 February of 2000', '20000229T000000'],
    ['the first second of a day', '20230712T000000'],
    ['the last second of a year', '20231231T235959'],
  ])('may be cut on %s', (_, time) => {
    expect(parseVersion(cloud(time))?.kind).toBe('cloud');
  });

  it.each([
    ['31 February', '20230231T123633'],
    ['29 February of a common year', '20230229T123633'],
    ['29 February of 1900', '19000229T123633'],
    ['31 April', '20230431T123633'],
    ['month 0', '20230012T123633'],
    ['month 13', '20231312T123633'],
    ['day 0', '20230700T123633'],
    ['day 32', '20230732T123633'],
    ['hour 24', '20230712T243633'],
    ['minute 60', '20230712T126033'],
    ['a leap second', '20230712T125960'],
    ['a year before the four-digit ones', '00990712T123633'],
    ['no seconds', '20230712T1236'],
    ['a digit too many', '20230712T1236330'],
    ['no T', '20230712123633'],
    ['a lower-case t', '20230712t123633'],
    ['a zone', '20230712T123633Z'],
    ['a hyphen for the T', '20230712-123633'],
    ['letters', 'yesterday'],
  ])('is never cut at %s', (_, time) => {
    expect(readVersion(cloud(time))).toMatch(/is not a/);
  });

  it.each([
    ['6 digits', 'aabbcc', true],
    ['40 digits', '0123456789abcdef0123456789abcdef01234567', true],
    ['5 digits', 'aabbc', false],
    ['41 digits', '0123456789abcdef0123456789abcdef01234567a', false],
    ['upper case', 'AABBCC', false],
    ['one capital', 'aabbcC', false],
    ['a letter beyond f', 'aabbcg', false],
    ['a hyphen', 'aabb-cc', false],
    ['a further part', 'aabbcc.1', false],
  ])('has a hash of 6 to 40 hex digits: %s', (_, hash, allowed) => {
    expect(parseVersion(cloud('20230712T123633', hash)) !== null).toBe(allowed);
  });

  it.each([
    ['minor', '14.1.0-cloud.20230712T123633.aabbcc'],
    ['patch', '14.0.1-cloud.20230712T123633.aabbcc'],
  ])('has %s 0', (_, text) => {
    expect(readVersion(text)).toMatch(/minor and patch 0/);
  });

  it.each(['14.0.0-cloud', '14.0.0-cloud.1', '14.0.0-cloud.20230712T123633', '14.0.0-cloud.aabbcc.20230712T123633'])(
    'has both a time and a hash, in that order, and %s has not',
    (text) => {
      expect(parseVersion(text)).toBeNull();
    },
  );
});

it('a formatted stamp time reads back as the same second', () => {
  const anyTime = fc.date({ min: new Date('0100-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(anyTime, (time) => {
      const stamp = formatStampTime(time);
      expect(stamp).toMatch(/^\d{8}T\d{6}$/);
      const seconds = Math.floor(time.getTime() / 1000) * 1000;
      expect(parseVersion(cloud(stamp))?.cloud?.cutAt.getTime()).toBe(seconds);
    }),
  );
});

it('is written as in RFD 134', () => {
  expect(formatStampTime(new Date('2023-07-12T12:36:33.999Z'))).toBe('20230712T123633');
});
