import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Page, pageAfter, pageByName, sortedBy } from '../../src/domain/page.ts';

const self = (text: string) => text;

/** All pages, one after the other. */
function collect(page: (after: string | undefined) => Page<string>): string[] {
  const all: string[] = [];
  let after: string | undefined;
  do {
    const { items, next } = page(after);
    all.push(...items);
    after = next ?? undefined;
  } while (after !== undefined);
  return all;
}

describe('pages', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 20 });

  it('have every item once, in order, whatever their length', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 7 }), (list, limit) => {
        const sorted = sortedBy(list, self);
        expect(collect((after) => pageByName(sorted, self, { after, limit }))).toEqual(sorted);
        expect(collect((after) => pageAfter(list, self, { after, limit }))).toEqual(list);
      }),
    );
  });

  it('by name go on where an item was deleted', () => {
    expect(pageByName(['a', 'c', 'd'], self, { after: 'b', limit: 1 })).toEqual({ items: ['c'], next: 'c' });
    expect(pageByName(['a'], self, { after: 'b', limit: 1 })).toEqual({ items: [], next: null });
  });

  it('in another order ask to begin again', () => {
    expect(() => pageAfter(['c', 'a'], self, { after: 'b', limit: 1 })).toThrow(/b is not in the list any more/);
  });
});
