import { expect, it } from 'vitest';
import { compareNames } from '../../src/domain/natural-order.ts';

it.each([
  [['v10', 'v9', 'v1']],
  [['stable/v10', 'stable/v9', 'stable']],
  [['tenant-100', 'tenant-20', 'tenant-3']],
  [['b', 'a10b2', 'a9']],
])('orders %j as people count', (names) => {
  expect(names.toSorted(compareNames)).toEqual(names.toReversed());
});

it('orders names that read alike, and the same name not at all', () => {
  expect(compareNames('v01', 'v1')).not.toBe(0);
  expect(compareNames('v01', 'v1')).toBe(-compareNames('v1', 'v01'));
  expect(compareNames('v1', 'v1')).toBe(0);
});
