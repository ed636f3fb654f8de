import { describe, expect, it } from 'vitest';
import {
  type CheckInCount,
  type EvidenceSource,
  type FleetCounts,
  highestCounts,
  oldestOf,
  type Population,
  takeCensus,
  total,
} from '../../src/domain/census.ts';
import type { ServedTarget } from '../../src/domain/channel.ts';
import { CHANNEL, DAY, fleet, HOUR, NOW, seen, survey } from './populations.ts';

const POLICY = { evidenceFreshFor: DAY, presumeServedFor: 30 * DAY };

const ago = (ms: number) => new Date(NOW - ms).toISOString();

const census = (counts: FleetCounts, target: string | null = null, served: ServedTarget[] = []): Population =>
  takeCensus({ name: CHANNEL, target, served }, counts, POLICY, NOW);

const plain = (counts: Population['headcounts']) => counts.map((versions) => Object.fromEntries(versions));
const sources = ({ evidence }: Population): EvidenceSource[] => evidence.map(({ source }) => source);

describe('where no complete source is fresh', () => {
  it.each<[string, string | null, ServedTarget[], Record<string, number>]>([
    ['the present target', '16.4.7', [], { '16.4.7': 1 }],
    ['a former target', null, [{ version: '16.4.6', until: ago(DAY) }], { '16.4.6': 1 }],
    [
      'the present target and former ones',
      '17.0.0',
      [
        { version: '15.4.7', until: ago(20 * DAY) },
        { version: '16.4.7', until: ago(HOUR) },
      ],
      { '15.4.7': 1, '16.4.7': 1, '17.0.0': 1 },
    ],
    ['a target served until 30 days ago', null, [{ version: '16.4.6', until: ago(30 * DAY) }], { '16.4.6': 1 }],
    ['no target that was left earlier', null, [{ version: '16.4.6', until: ago(30 * DAY + 1) }], {}],
    ['a target twice served once', '16.4.7', [{ version: '16.4.7', until: ago(DAY) }], { '16.4.7': 1 }],
    ['nobody on a channel that never had a target', null, [], {}],
  ])('presumes %s', (_, target, served, expected) => {
    const found = census(fleet(), target, served);
    expect(plain(found.headcounts)).toEqual([expected]);
    expect(found.known).toEqual([]);
    expect(found.evidence).toEqual([
      {
        source: 'presumed',
        complete: false,
        fresh: true,
        age: null,
        versions: new Map(Object.entries(expected)),
        skipped: 0,
      },
    ]);
  });

  it('adds presumed agents to those that check in', () => {
    const found = census(fleet([], [seen('16.4.6', 3), seen('15.4.9', 1)]), '16.4.7', []);
    expect(sources(found)).toEqual(['check-ins', 'presumed']);
    expect(plain(found.known)).toEqual([{ '16.4.6': 3, '15.4.9': 1 }]);
    expect(plain(found.headcounts)).toEqual([
      { '16.4.6': 3, '15.4.9': 1 },
      { '16.4.6': 3, '15.4.9': 1, '16.4.7': 1 },
    ]);
  });

  it('shows stale inventory and decides nothing by it', () => {
    const stale = survey({ '12.1.5': 7 }, { at: NOW - DAY - 1, skipped: 2 });
    const found = census(fleet([stale]), '16.4.7');
    expect(sources(found)).toEqual(['inventory', 'presumed']);
    expect(found.evidence[0]).toEqual({
      source: 'inventory',
      complete: true,
      fresh: false,
      age: 86_400,
      versions: new Map([['12.1.5', 7]]),
      skipped: 2,
    });
    expect(found.known).toEqual([]);
    expect(plain(found.headcounts)).toEqual([{ '16.4.7': 1 }]);
  });
});

describe('fresh inventory', () => {
  it.each([
    ['just imported', 0],
    ['as old as is believed', DAY],
    ['from a clock that is ahead', -HOUR],
  ])('%s replaces presumption', (_, age) => {
    const served = [{ version: '12.1.5', until: ago(HOUR) }];
    const found = census(fleet([survey({ '16.4.6': 5 }, { at: NOW - age })]), '16.4.7', served);
    expect(sources(found)).toEqual(['inventory']);
    expect(found.evidence[0]?.age).toBe(Math.max(0, age) / 1000);
    expect(plain(found.headcounts)).toEqual([{ '16.4.6': 5 }]);
    expect(found.known).toBe(found.headcounts);
  });

  it('that could read no version of its enrolled agents does not know them, and presumption stays', () => {
    const found = census(fleet([survey({}, { skipped: 3 })]), '16.4.7');
    expect(found.evidence).toMatchObject([
      { source: 'inventory', complete: false, fresh: true, skipped: 3 },
      { source: 'presumed' },
    ]);
    expect(plain(found.headcounts)).toEqual([{ '16.4.7': 1 }]);
    expect(sources(census(fleet([survey({ '16.4.6': 1 }, { skipped: 3 })]), '16.4.7'))).toEqual(['inventory']);
  });

  it('without any enrolled agent is evidence too', () => {
    const found = census(fleet([survey({})]), '16.4.7');
    expect(sources(found)).toEqual(['inventory']);
    expect(plain(found.headcounts)).toEqual([{}]);
  });

  it.each<[string, boolean, CheckInCount[], Record<string, number>[]]>([
    ['all of them beyond it', true, [seen('15.4.9', 2)], [{ '16.4.6': 5, '15.4.9': 2 }, { '15.4.9': 2 }]],
    ['none of them beyond it', true, [seen('16.4.6', 2, 0)], [{ '16.4.6': 5 }, { '16.4.6': 2 }]],
    [
      'some of them beyond it',
      true,
      [seen('16.4.6', 4, 1), seen('15.4.9', 1, 0)],
      [{ '16.4.6': 6 }, { '16.4.6': 4, '15.4.9': 1 }],
    ],
    [
      'while it is still written, all of them on top',
      false,
      [seen('16.4.6', 4, 1), seen('15.4.9', 1, 0)],
      [
        { '16.4.6': 9, '15.4.9': 1 },
        { '16.4.6': 4, '15.4.9': 1 },
      ],
    ],
  ])('is joined by check-ins: %s', (_, settled, checkIns, expected) => {
    const found = census(fleet([survey({ '16.4.6': 5 }, { settled })], checkIns), '17.0.0');
    expect(sources(found)).toEqual(['inventory', 'check-ins']);
    expect(plain(found.headcounts)).toEqual(expected);
  });
});

it('rival sources stand beside each other, and check-ins join only the one that knows ids', () => {
  const metrics = survey({ '16.4.6': 4, '15.4.7': 1 }, { source: 'teleport-metrics' });
  const found = census(fleet([survey({ '16.4.6': 5 }), metrics], [seen('16.4.3', 1)]), '16.4.7');
  expect(sources(found)).toEqual(['inventory', 'teleport-metrics', 'check-ins']);
  expect(plain(found.headcounts)).toEqual([
    { '16.4.6': 5, '16.4.3': 1 },
    { '16.4.6': 4, '15.4.7': 1 },
    { '16.4.3': 1 },
  ]);
});

it.each<[string, boolean, boolean, Record<string, number>[]]>([
  ['both fresh', true, true, [{ '16.4.6': 5 }, { '16.4.7': 5 }]],
  ['stale inventory', false, true, [{ '16.4.7': 5 }]],
  ['stale metrics', true, false, [{ '16.4.6': 5 }]],
])('one fresh complete source is enough: %s', (_, inventory, metrics, expected) => {
  const at = (fresh: boolean) => (fresh ? NOW : NOW - 2 * DAY);
  const found = census(
    fleet([
      survey({ '16.4.6': 5 }, { at: at(inventory) }),
      survey({ '16.4.7': 5 }, { source: 'teleport-metrics', at: at(metrics) }),
    ]),
    '17.0.0',
  );
  expect(plain(found.headcounts)).toEqual(expected);
});

it('counts nobody of another channel', () => {
  const other = survey({ '12.1.5': 7 }, { channel: 'stable/cloud/v12' });
  const found = census(fleet([other], [seen('13.3.5', 3, 3, 'stable')]), '16.4.7');
  expect(sources(found)).toEqual(['presumed']);
  expect(plain(found.headcounts)).toEqual([{ '16.4.7': 1 }]);
});

it('adds up counts of one version and leaves out empty ones', () => {
  const found = census(fleet([survey({ '16.4.6': 5, '12.1.5': 0 })], [seen('16.4.6', 2), seen('16.4.6', 1, 0)]));
  expect(plain(found.headcounts)).toEqual([{ '16.4.6': 7 }, { '16.4.6': 3 }]);
});

describe('a count', () => {
  const counts = new Map([
    ['16.10.0', 2],
    ['16.9.0', 3],
    ['16.9.0-rc.1', 4],
  ]);

  it('has a total', () => {
    expect(total(counts)).toBe(9);
    expect(total(new Map())).toBe(0);
  });

  it('has an oldest version, by precedence', () => {
    expect(oldestOf(counts)).toEqual({ version: '16.9.0-rc.1', count: 4 });
    expect(oldestOf(new Map())).toBeNull();
  });

  it('of several gives the highest of each version', () => {
    const rival = new Map([
      ['16.9.0', 5],
      ['15.0.0', 1],
    ]);
    expect(highestCounts([counts, rival])).toEqual(new Map([...counts, ['16.9.0', 5], ['15.0.0', 1]]));
  });
});
