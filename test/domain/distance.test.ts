import { describe, expect, it } from 'vitest';
import { createIsCutOff } from '../../src/domain/cut-off.ts';
import { measureDistance } from '../../src/domain/distance.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import { requireVersion } from '../../src/domain/version.ts';

const release = (version: string): [string, Release] => [
  version,
  listedRelease({ version, cutAt: null, security: false }),
];
const counts = new Map([
  ['18.1.0', 1],
  ['17.4.2', 2],
  ['17.4.1', 4],
  ['17.4.2-rc.1', 8],
  ['16.5.0', 16],
  ['15.0.0', 32],
  ['14.0.0', 64],
]);

describe('the distance to a target', () => {
  it('puts every agent in one class, and counts stranded agents separately', () => {
    const distance = measureDistance(counts, requireVersion('17.4.2'), new Map(), () => false);
    expect(distance).toEqual({
      ...{ atTarget: 2, behind: 12, majorBehind: 48, outOfSupport: 64, ahead: 1, cutOff: 0, stranded: 97 },
    });
  });

  it('counts support from the latest known major', () => {
    const distance = measureDistance(counts, requireVersion('17.4.2'), new Map([release('18.1.0')]), () => false);
    expect(distance).toMatchObject({ majorBehind: 16, outOfSupport: 96 });
  });

  it('counts support from the target if that is later than every known release', () => {
    const distance = measureDistance(counts, requireVersion('18.1.0'), new Map([release('16.0.0')]), () => false);
    expect(distance).toMatchObject({ atTarget: 1, behind: 0, majorBehind: 30, outOfSupport: 96 });
  });

  it('counts those that their control plane refuses as cut off, also at the target', () => {
    const isCutOff = createIsCutOff({ version: '19.0.0' });
    const distance = measureDistance(counts, requireVersion('17.4.2'), new Map(), isCutOff);
    expect(distance).toEqual({
      ...{ atTarget: 0, behind: 0, majorBehind: 0, outOfSupport: 0, ahead: 1, cutOff: 126, stranded: 97 },
    });
  });
});
