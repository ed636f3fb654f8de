import { expect, it } from 'vitest';
import { shortVersion } from '../../src/domain/short-version.ts';

it.each([
  ['18.0.0-cloud.20241112T101530.f00dfac', ['18.0.0-cloud', '12 Nov 10:15', 'f00dfac']],
  ['v18.0.0-cloud.20240101T000000.f00dfacade01', ['v18.0.0-cloud', '1 Jan 00:00', 'f00dfac']],
  ['18.0.0-cloud.20241112T101530.f00dfa', ['18.0.0-cloud', '12 Nov 10:15', 'f00dfa']],
  ['16.4.7', null],
  ['18.0.0-rc.1', null],
  ['none', null],
])('the short form of %s', (text, parts) => {
  expect(shortVersion(text)).toEqual(parts);
});
