import { describe, expect, it } from 'vitest';
import {
  type AgentRecord,
  channelsOf,
  countedVersion,
  countedVersions,
  highestVersion,
  isAgentId,
  isGroup,
  isUpdaterKind,
  MAX_ELSEWHERE,
  marksOf,
  NO_PAST,
  recordSighting,
  type Sighting,
  type SightingSource,
} from '../../src/domain/agent.ts';

it.each([
  ['a UUID', 'd906549e-6107-4c5e-9b0a-1d1d4bb8a001', true],
  ['every character allowed', 'A-Za-z0-9._:-', true],
  ['one character', 'a', true],
  ['128 characters', 'a'.repeat(128), true],
  ['129 characters', 'a'.repeat(129), false],
  ['nothing', '', false],
  ['a space', 'a b', false],
  ['a slash', 'a/b', false],
  ['a line break at the end', 'a\n', false],
  ['a NUL', 'a\0', false],
  ['a letter outside of ASCII', 'ä', false],
])('an agent id may be %s: %j %s', (_, id, allowed) => {
  expect(isAgentId(id)).toBe(allowed);
});

it.each([
  ['prod', true],
  ['a'.repeat(64), true],
  ['a'.repeat(65), false],
  ['', false],
  ['two words', false],
])('group %j: %s', (group, allowed) => {
  expect(isGroup(group)).toBe(allowed);
});

it.each([
  ['unit', true],
  ['kube', true],
  ['binary', true],
  ['Unit', false],
  ['none', false],
  ['', false],
])('updater %j: %s', (kind, known) => {
  expect(isUpdaterKind(kind)).toBe(known);
});

const MINUTE = 60_000;
const NOTHING: AgentRecord = { inventory: null, checkIn: null, past: NO_PAST };

function sighting(version: string, minute: number, over: Partial<Sighting> = {}): Sighting {
  return {
    ...{ id: 'a1', channel: 'stable', version, at: minute * MINUTE, updater: null, updaterVersion: null, group: null },
    ...{ enrolled: true, proven: true, updaterState: null, host: null, listing: null, expired: false },
    ...over,
  };
}

/** A sighting of a source: its version, its minute, and what else it says. */
type Step = [source: SightingSource, version: string, minute: number, over?: Partial<Sighting>];

/** The record after sightings that arrive in this order, each at its own minute or later. */
function recordAfter(steps: Step[], target: string | null = '16.4.7'): AgentRecord {
  let now = 0;
  return steps.reduce<AgentRecord>((record, [source, version, minute, over]) => {
    now = Math.max(now, minute * MINUTE);
    const recording = { now, contestedFor: 60 * MINUTE, targetOf: () => target };
    return recordSighting(record, source, sighting(version, minute, over), recording) ?? record;
  }, NOTHING);
}

const C = 'check-ins';
const I = 'inventory';
const OPEN = { proven: false };
const STRANGER = { enrolled: false };

describe('an agent counts', () => {
  it.each<[string, Step[], string | null]>([
    ['nowhere before it is seen', [], null],
    ['at the version of its only sighting', [[C, '16.4.6', 1]], '16.4.6'],
    [
      'at the newest one of a source',
      [
        [C, '16.4.6', 1],
        [C, '16.4.7', 2],
      ],
      '16.4.7',
    ],
    [
      'at the newest one, in whatever order they arrive',
      [
        [C, '16.4.7', 2],
        [C, '16.4.6', 1],
      ],
      '16.4.7',
    ],
    [
      'at the newest one of all sources: the inventory',
      [
        [C, '15.4.9', 1],
        [I, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at the newest one of all sources: the check-in',
      [
        [I, '15.4.9', 1],
        [C, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at the lower version, of two at one moment',
      [
        [I, '16.4.6', 1],
        [C, '15.4.9', 1],
      ],
      '15.4.9',
    ],
    [
      'at an unreadable version, if that is the newest',
      [
        [C, '16.4.6', 1],
        [C, '?', 2],
      ],
      '?',
    ],
    ['not by an inventory in which it had expired', [[I, '14.0.0', 1, { expired: true }]], null],
    ['not without enrolment', [[C, '14.0.0', 1, STRANGER]], null],
    [
      'as before, whatever strangers say',
      [
        [C, '15.4.9', 1],
        [C, '17.0.0', 2, STRANGER],
      ],
      '15.4.9',
    ],
    [
      'no higher than its inventory, where anyone may check in',
      [
        [I, '15.4.9', 1],
        [C, '17.0.0', 2, OPEN],
      ],
      '15.4.9',
    ],
    [
      'lower than its inventory, where anyone may check in',
      [
        [I, '16.4.6', 1],
        [C, '15.4.9', 2, OPEN],
      ],
      '15.4.9',
    ],
    [
      'at the new version after an upgrade',
      [
        [C, '15.4.9', 1],
        [C, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at the lower version after it went back',
      [
        [C, '16.4.7', 1],
        [C, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at the lower one of two that share its id',
      [
        [C, '15.4.9', 1],
        [C, '16.4.6', 2],
        [C, '15.4.9', 3],
        [C, '16.4.6', 4],
      ],
      '15.4.9',
    ],
    [
      'at the lower one of two that share its id, seen by two sources',
      [
        [C, '16.4.6', 1],
        [I, '15.4.9', 2],
        [C, '16.4.6', 3],
      ],
      '15.4.9',
    ],
    [
      'at the higher one an hour later',
      [
        [C, '16.4.6', 1],
        [C, '15.4.9', 2],
        [C, '16.4.6', 3],
        [C, '16.4.6', 63],
      ],
      '16.4.6',
    ],
    [
      'at the lower one for the hour',
      [
        [C, '16.4.6', 1],
        [C, '15.4.9', 2],
        [C, '16.4.6', 3],
        [C, '16.4.6', 62],
      ],
      '15.4.9',
    ],
    [
      'at the lower one, however long it is silent after that',
      [
        [C, '16.4.6', 1],
        [C, '15.4.9', 2],
        [C, '16.4.6', 3],
      ],
      '15.4.9',
    ],
    [
      'at the lowest of three',
      [
        [C, '16.4.6', 1],
        [C, '14.0.0', 2],
        [C, '15.4.9', 3],
        [C, '16.4.6', 4],
      ],
      '14.0.0',
    ],
  ])('%s', (_, steps, expected) => {
    expect(countedVersion(recordAfter(steps))).toBe(expected);
  });

  it.each<[string, Step[], string | null]>([
    ['nowhere before it is seen', [], null],
    ['where it counts, if nothing is in dispute', [[C, '16.4.6', 1]], '16.4.6'],
    [
      'where it counts after it went back',
      [
        [C, '17.0.1', 1],
        [C, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at what its inventory says, where anyone may check in lower',
      [
        [I, '17.0.1', 1],
        [C, '16.4.6', 2, OPEN],
      ],
      '17.0.1',
    ],
    [
      'at what its inventory says, where anyone may check in unreadable',
      [
        [I, '17.0.1', 1],
        [C, '?', 2, OPEN],
      ],
      '17.0.1',
    ],
    [
      'at its check-in, where that is higher and anyone may check in',
      [
        [I, '16.4.6', 1],
        [C, '17.0.1', 2, OPEN],
      ],
      '17.0.1',
    ],
    [
      'at a check-in with a token, whatever its inventory said before',
      [
        [I, '17.0.1', 1],
        [C, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at a newer inventory, whatever strangers said before',
      [
        [C, '17.0.1', 1, OPEN],
        [I, '16.4.6', 2],
      ],
      '16.4.6',
    ],
    [
      'at its check-in, where its instance had expired and an older list does not say so',
      [
        [C, '16.4.6', 1],
        [I, '17.0.1', 3, { expired: true }],
        [I, '17.0.1', 2],
      ],
      '16.4.6',
    ],
    [
      'at its check-in, where its instance had expired and another list of the same sighting does not say so',
      [
        [C, '16.4.6', 1],
        [I, '17.0.1', 3, { expired: true }],
        [I, '17.0.1', 3],
      ],
      '16.4.6',
    ],
    [
      'where its inventory sees it again after its instance had expired',
      [
        [C, '16.4.6', 1],
        [I, '17.0.1', 3, { expired: true }],
        [I, '17.0.1', 4],
      ],
      '17.0.1',
    ],
    [
      'at its check-in, where its instance had expired',
      [
        [I, '17.0.1', 1, { expired: true }],
        [C, '16.4.6', 2, OPEN],
      ],
      '16.4.6',
    ],
    [
      'at the higher one of two that share its id, seen last',
      [
        [C, '17.0.1', 1],
        [C, '15.4.9', 2],
        [C, '17.0.1', 3],
      ],
      '17.0.1',
    ],
    [
      'at the higher one of two that share its id, though the lower was seen last',
      [
        [C, '17.0.1', 1],
        [C, '15.4.9', 2],
        [C, '17.0.1', 3],
        [C, '15.4.9', 4],
      ],
      '17.0.1',
    ],
    [
      'at the highest of three that share its id',
      [
        [C, '16.4.7', 1],
        [C, '15.4.9', 2],
        [C, '16.4.7', 3],
        [C, '17.0.1', 4],
        [C, '15.4.9', 5],
      ],
      '17.0.1',
    ],
    [
      'no higher than it was in the last hour, however long two share its id',
      [
        [C, '17.0.1', 1],
        [C, '15.4.9', 2],
        [C, '16.4.6', 90],
      ],
      '16.4.6',
    ],
    [
      'at the higher one after hours, while that is still seen',
      [
        [C, '17.0.1', 1],
        [C, '15.4.9', 31],
        [C, '17.0.1', 61],
        [C, '15.4.9', 91],
        [C, '17.0.1', 121],
        [C, '15.4.9', 151],
      ],
      '17.0.1',
    ],
    [
      'at what its inventories said of two that share its id, whatever strangers say and however late',
      [
        [I, '17.0.1', 1],
        [I, '15.4.9', 2],
        [I, '17.0.1', 3],
        [I, '15.4.9', 4],
        [C, '15.4.9', 300, OPEN],
      ],
      '17.0.1',
    ],
    [
      'where it counts, an hour after two shared its id',
      [
        [C, '16.4.6', 1],
        [C, '15.4.9', 2],
        [C, '16.4.6', 63],
        [C, '16.4.6', 124],
      ],
      '16.4.6',
    ],
  ])('and may be as high as %s', (_, steps, expected) => {
    expect(highestVersion(recordAfter(steps))).toBe(expected);
  });

  it('and as unreadable too, where anyone may check in unreadable beside an inventory', () => {
    const record = recordAfter([
      [I, '17.0.1', 1],
      [C, '?', 2, OPEN],
    ]);
    expect(countedVersions(record)).toEqual(['17.0.1', '?']);
    expect(countedVersions(recordAfter([[C, '?', 2, OPEN]]))).toEqual(['?']);
    expect(
      countedVersions(
        recordAfter([
          [I, '17.0.1', 1],
          [C, '?', 2, OPEN],
          [I, '17.0.1', 3],
        ]),
      ),
    ).toEqual(['17.0.1']);
  });

  it('once where only build metadata differs', () => {
    const record = recordAfter([
      [I, '16.4.6+fips', 1],
      [C, '16.4.6', 2, OPEN],
    ]);
    expect(highestVersion(record)).toBe(countedVersion(record));
  });

  it('by later news where what is stored came from the future', () => {
    const record = recordAfter([[C, '16.4.6', 1]]);
    const ahead = { ...record, checkIn: { ...sighting('16.4.6', 1), at: 1_000 * MINUTE } };
    const recording = { now: 2 * MINUTE, contestedFor: 0, targetOf: () => null };
    expect(recordSighting(ahead, 'check-ins', sighting('15.4.9', 2), recording)?.checkIn?.version).toBe('15.4.9');
  });
});

describe('an agent has', () => {
  it.each<[string, Step[], string[]]>([
    [
      'no mark',
      [
        [C, '16.4.6', 1],
        [C, '16.4.7', 2],
      ],
      [],
    ],
    [
      'reverted',
      [
        [C, '16.4.7', 1],
        [C, '16.4.6', 2],
      ],
      ['reverted'],
    ],
    [
      'made up for it',
      [
        [C, '16.4.7', 1],
        [C, '16.4.6', 2],
        [C, '16.4.7', 3],
        [C, '16.4.7', 70],
      ],
      [],
    ],
    [
      'a contested id',
      [
        [C, '16.4.7', 1],
        [C, '16.4.6', 2],
        [C, '16.4.7', 3],
      ],
      ['contested', 'reverted'],
    ],
    ['a pinned updater', [[I, '16.4.6', 1, { updaterState: 'pinned' }]], ['pinned']],
    ['a good updater', [[I, '16.4.6', 1, { updaterState: 'ok' }]], []],
    ['expired', [[I, '16.4.6', 1, { expired: true }]], ['expired']],
    [
      'checked in after it had expired',
      [
        [I, '16.4.6', 1, { expired: true }],
        [C, '16.4.6', 2],
      ],
      [],
    ],
  ])('%s', (_, steps, expected) => {
    expect(marksOf(recordAfter(steps))).toEqual(expected);
  });

  it('not reverted where its channel was rolled back', () => {
    expect(
      marksOf(
        recordAfter(
          [
            [C, '16.4.7', 1],
            [C, '16.4.6', 2],
          ],
          '16.4.6',
        ),
      ),
    ).toEqual([]);
  });

  it('both moments of going back', () => {
    const { reverted } = recordAfter([
      [C, '16.4.7', 1],
      [C, '16.4.7', 5],
      [C, '16.4.6', 9],
      [C, '16.4.6', 11],
    ]).past;
    expect(reverted).toEqual({ from: '16.4.7', was: 5 * MINUTE, at: 9 * MINUTE });
  });
});

describe('an agent counts on', () => {
  const on = (channel: string): Partial<Sighting> => ({ channel });
  it.each<[string, Step[], string[]]>([
    ['the channel that it polls', [[C, '16.4.6', 1, on('a')]], ['a']],
    ['the channel that its inventory names', [[I, '16.4.6', 1, on('a')]], ['a']],
    [
      'both where they differ',
      [
        [I, '16.4.6', 1, on('a')],
        [C, '16.4.6', 2, on('b')],
      ],
      ['a', 'b'],
    ],
    [
      'both that it polled',
      [
        [C, '16.4.6', 1, on('a')],
        [C, '16.4.6', 2, on('b')],
      ],
      ['b', 'a'],
    ],
    [
      'each once',
      [
        [C, '16.4.6', 1, on('a')],
        [C, '16.4.6', 2, on('b')],
        [C, '16.4.6', 3, on('a')],
      ],
      ['a', 'b'],
    ],
    ['none without enrolment', [[C, '16.4.6', 1, { ...on('a'), enrolled: false }]], []],
  ])('%s', (_, steps, expected) => {
    expect(channelsOf(recordAfter(steps))).toEqual(expected);
  });

  it('no more channels than are remembered: a check-in on one more is refused', () => {
    const channels = Array.from({ length: MAX_ELSEWHERE + 1 }, (_, n): Step => [C, '16.4.6', n, on(`c${n}`)]);
    const full = recordAfter(channels);
    expect(channelsOf(full)).toHaveLength(MAX_ELSEWHERE + 1);
    const recording = { now: 99 * MINUTE, contestedFor: 0, targetOf: () => null };
    expect(recordSighting(full, 'check-ins', sighting('16.4.6', 99, on('one-more')), recording)).toBeNull();
  });
});
