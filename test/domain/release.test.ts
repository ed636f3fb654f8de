import { describe, expect, it } from 'vitest';
import { newestFirst } from '../../src/domain/release.ts';
import { oldestSupportedMajor } from '../../src/domain/support.ts';
import { catalogue } from './populations.ts';

describe('the support window', () => {
  it.each<[string, string[], number | null]>([
    ['is the latest major and the two before it (RFD 12)', ['8.0.1', '7.1.2', '6.3.2', '5.2.0'], 6],
    ['does not move for a pre-release', ['8.0.1', '9.0.0-rc.1', '10.0.0-alpha.1'], 6],
    ['does not move for a cloud version', ['8.0.1', '9.0.0-cloud.20260101T000000.aaaaaa'], 6],
    ['orders majors as numbers', ['9.0.0', '10.0.0'], 8],
    ['is unknown without a stable release', ['9.0.0-rc.1'], null],
    ['is unknown without any release', [], null],
  ])('%s', (_, versions, expected) => {
    expect(oldestSupportedMajor(catalogue(...versions))).toBe(expected);
  });
});

it('lists a catalogue newest first by precedence', () => {
  const texts = newestFirst(catalogue('9.0.0', '10.0.0-rc.1', '10.0.0', '9.10.0', '9.9.0').values()).map(
    ({ text }) => text,
  );
  expect(texts).toEqual(['10.0.0', '10.0.0-rc.1', '9.10.0', '9.9.0', '9.0.0']);
});
