import { describe, expect, it } from 'vitest';
import { countedStaleAfter, listen, silenceBounds } from '../../src/domain/hearing.ts';
import type { Hearing } from '../../src/domain/store.ts';

const STALE = 100;
const bound = (hearing: [string, Hearing][], now: number) => silenceBounds(new Map(hearing), now, STALE).get('c');

describe('a channel is heard', () => {
  it.each<[string, Hearing | null, number, Hearing]>([
    ['since its first check-in', null, 50, { since: 50, until: 50 }],
    ['on, without a gap', { since: 10, until: 40 }, 50, { since: 10, until: 50 }],
    ['on, over a small gap', { since: 10, until: 25 }, 50, { since: 10, until: 50 }],
    ['anew after a gap', { since: 10, until: 24 }, 50, { since: 50, until: 50 }],
  ])('%s', (_, before, latest, expected) => {
    const heard = listen(new Map(before ? [['c', before]] : []), [{ channel: 'c', at: latest }], 60, STALE);
    expect(heard.get('c')).toEqual(expected);
  });

  it('not in the future', () => {
    expect(listen(new Map(), [{ channel: 'c', at: 90 }], 60, STALE).get('c')).toEqual({ since: 60, until: 60 });
  });
});

describe('an agent is forgotten', () => {
  it.each<[string, Hearing, number, number | undefined]>([
    ['after its own silence while the channel was heard', { since: 0, until: 150 }, 160, 50],
    ['not while the channel itself is silent', { since: 0, until: 150 }, 10_000, 50],
    ['not before the channel was heard for as long', { since: 60, until: 150 }, 160, undefined],
    ['not by a time in the future', { since: 0, until: 900 }, 160, 60],
  ])('%s', (_, hearing, now, expected) => {
    expect(bound([['c', hearing]], now)).toBe(expected);
  });
});

it.each([
  ['as it is set', 86_400_000, 1_000, 86_400_000],
  ['longer, where check-ins are written more rarely', 1_000, 1_000, 8_000],
  ['longer, where nobody looks as often', 100, 20, 2_000],
])('the time after which silence counts is %s', (_, set, flushEvery, counts) => {
  expect(countedStaleAfter(set, flushEvery)).toBe(counts);
});
