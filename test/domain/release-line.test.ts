import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HopFault, hopFaults } from '../../src/domain/release-line.ts';
import { v } from './populations.ts';

const cases: [string, [from: string, to: string, faults: HopFault[]][]][] = [
  [
    'before 6.0 every X.Y is a line (RFD 12)',
    [
      ['4.0.1', '4.0.3', []],
      ['4.0.3', '4.0.1', []],
      ['4.1.0', '4.2.0', []],
      ['4.1.0', '4.3.0', ['legacy_skip']],
      ['4.1.11', '4.4.0', ['legacy_skip']],
      ['4.3.0', '4.4.0', []],
      ['4.3.9', '4.4.12', []],
      ['4.3.0-rc.1', '4.4.0', []],
      ['4.3.0', '4.1.0', ['legacy_skip']],
      ['4.4.0', '4.3.0', []],
      ['5.0.0', '5.1.0', []],
      ['5.0.0', '5.2.0', ['legacy_skip']],
      ['5.2.0', '5.0.0', ['legacy_skip']],
    ],
  ],
  [
    'the first line of a major follows the last line of the major before',
    [
      ['1.3.2', '2.0.0', []],
      ['2.7.9', '3.0.0', []],
      ['3.2.0', '4.0.0', []],
      ['3.1.0', '4.0.0', ['legacy_skip']],
      ['4.4.0', '5.0.0', []],
      ['4.4.12', '5.0.2', []],
      ['4.3.0', '5.0.0', ['legacy_skip']],
      ['4.4.0', '5.1.0', ['legacy_skip']],
      ['0.9.0', '1.0.0', ['legacy_skip']],
    ],
  ],
  [
    'no major may be undone or skipped, not even an old one',
    [
      ['5.0.0', '4.4.0', ['major_downgrade']],
      ['5.1.0', '4.4.0', ['major_downgrade', 'legacy_skip']],
      ['6.0.0', '5.2.0', ['major_downgrade', 'legacy_skip']],
      ['3.2.0', '5.0.0', ['agent_too_old', 'legacy_skip']],
      ['4.4.0', '6.0.0', ['agent_too_old']],
    ],
  ],
  [
    'from 6.0 on majors are the lines',
    [
      ['5.0.0', '6.0.0', []],
      ['5.2.5', '6.0.0', []],
      ['5.1.0', '6.3.4', []],
      ['6.0.0', '6.9.0', []],
      ['6.9.0', '6.0.0', []],
      ['16.0.0', '17.5.1', []],
      ['16.4.7', '17.0.0-rc.1', []],
      ['16.0.0-rc.1', '17.0.0', []],
      ['16.0.0-cloud.20260101T000000.aaaaaa', '17.0.0-cloud.20260201T000000.bbbbbb', []],
      ['15.4.7', '17.0.1', ['agent_too_old']],
      ['15.0.0-rc.1', '17.0.0-cloud.20260201T000000.bbbbbb', ['agent_too_old']],
      ['1.0.0', '17.0.0', ['agent_too_old']],
      ['17.0.0', '16.9.9', ['major_downgrade']],
      ['17.0.0-alpha.1', '16.9.9', ['major_downgrade']],
    ],
  ],
];

describe.each(cases)('%s', (_, hops) => {
  it.each(hops)('%s → %s: %j', (from, to, faults) => {
    expect(hopFaults(v(from), v(to))).toEqual(faults);
  });
});

const modern = fc
  .tuple(fc.integer({ min: 6, max: 12 }), fc.nat({ max: 4 }), fc.nat({ max: 4 }))
  .map(([major, minor, patch]) => v(`${major}.${minor}.${patch}`));

it('an agent may go only to versions of its own major and the next one', () => {
  fc.assert(
    fc.property(modern, modern, (from, to) => {
      const mayGo = to.major === from.major || to.major === from.major + 1;
      expect(hopFaults(from, to).length === 0).toBe(mayGo);
    }),
  );
});
