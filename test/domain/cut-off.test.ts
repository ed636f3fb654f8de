import { describe, expect, it } from 'vitest';
import { createIsCutOff, cutOffBy, type ReportedPlane } from '../../src/domain/cut-off.ts';

describe('a control plane', () => {
  it.each<[string, ReportedPlane | undefined, agents: string[], cutOff: string[]]>([
    ['takes its own major and the one before', { version: '17.0.1' }, ['17.4.0', '17.0.0', '16.4.7'], []],
    ['refuses agents two majors older', { version: '17.0.1' }, ['15.4.9', '14.0.0'], ['15.4.9', '14.0.0']],
    ['refuses agents of a later major', { version: '16.4.7' }, ['17.0.0', '16.5.0'], ['17.0.0']],
    [
      'refuses what any of its parts refuses',
      { version: '16.4.7', highest: '17.0.1' },
      ['17.0.0', '16.4.7', '15.4.9'],
      ['17.0.0', '15.4.9'],
    ],
    ['before 6.0 takes only the line before (RFD 12)', { version: '4.3.0' }, ['4.2.0', '4.1.0'], ['4.1.0']],
    ['refuses nobody of whom nothing is known', { version: '17.0.1' }, ['?', 'x'], []],
    ['that was not reported refuses nobody', undefined, ['1.0.0'], []],
    ['reads build metadata', { version: '17.0.1' }, ['15.4.9+fips'], ['15.4.9+fips']],
    [
      'counts cloud releases by their major',
      { version: '18.0.0-cloud.20241112T101530.f00dfac' },
      ['16.9.9'],
      ['16.9.9'],
    ],
  ])('%s', (_, plane, agents, cutOff) => {
    expect(agents.filter(createIsCutOff(plane))).toEqual(cutOff);
  });

  it('cuts off as many agents as the count says that has most of them', () => {
    const headcounts = [
      new Map([
        ['16.4.7', 9],
        ['15.4.9', 1],
      ]),
      new Map([
        ['15.4.9', 2],
        ['14.0.0', 3],
        ['?', 7],
      ]),
    ];
    expect(cutOffBy({ version: '17.0.1' }, { headcounts })).toBe(5);
    expect(cutOffBy(undefined, { headcounts })).toBe(0);
  });
});
