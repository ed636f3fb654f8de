import { expect, it } from 'vitest';
import { clearsCritical, clock, count, number, who } from '../../src/domain/words.ts';

it.each([
  [0, '0 agents'],
  [1, '1 agent'],
  [2, '2 agents'],
  [12_430, '12,430 agents'],
])('%s of an agent are %s', (amount, expected) => {
  expect(count(amount, 'agent')).toBe(expected);
});

it('counts in a plural of its own where a noun has one', () => {
  expect([1, 2].map((amount) => count(amount, 'entry', 'entries'))).toEqual(['1 entry', '2 entries']);
});

it('groups digits', () => {
  expect([999, 1_000, 1_234_567].map(number)).toEqual(['999', '1,000', '1,234,567']);
});

it.each([
  ['token:ops-1', 'token ops-1'],
  ['system:recall', 'system recall'],
  ['github:mara', 'github mara'],
])('names %s as %s', (actor, expected) => {
  expect(who(actor)).toBe(expected);
});

it('writes times to the minute', () => {
  expect(clock('2026-11-22T18:00:59.123Z')).toBe('2026-11-22 18:00 UTC');
});

it('tells a critical mark that is set from one that is cleared', () => {
  const mark = { by: 'a', at: '', until: null, reason: '' };
  expect(clearsCritical({ action: 'critical', after: { critical: mark } })).toBe(false);
  expect(clearsCritical({ action: 'critical', after: { critical: null } })).toBe(true);
  expect(clearsCritical({ action: 'roll-back', after: { critical: null } })).toBe(false);
});
