import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrderedMap } from '../../src/domain/ordered-map.ts';

/** Few keys are written again, many make pages split. */
const key = fc.oneof(
  fc.nat(9).map(String),
  fc.nat(2_000).map((n) => `k${n}`),
);
const steps = fc.array(fc.record({ key, value: fc.option(fc.nat()) }), { maxLength: 600, size: 'max' });

it('is a map in the order of its keys, and never changes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat()), { maxLength: 300, size: 'max' }), steps, (first, sequence) => {
      const model = new Map(first);
      let map = OrderedMap.of(first);
      const versions: [OrderedMap<number>, [string, number][]][] = [];
      const expected = () => [...model].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [index, { key, value }] of sequence.entries()) {
        if (index % 50 === 0) versions.push([map, expected()]);
        if (value === null) model.delete(key);
        else model.set(key, value);
        map = map.withAll([[key, value ?? undefined]]);
        expect([map.get(key), map.has(key), map.size]).toEqual([model.get(key), model.has(key), model.size]);
      }
      expect([...map]).toEqual(expected());
      expect([...map.keys()]).toEqual(expected().map(([each]) => each));
      expect([...map.values()]).toEqual(expected().map(([, each]) => each));
      for (const [then, entries] of versions) expect([...then]).toEqual(entries);
    }),
    { numRuns: 30 },
  );
});

it('takes many changes at once as it takes them one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat()), { maxLength: 300, size: 'max' }), steps, (first, sequence) => {
      const changes = sequence.map(({ key, value }) => [key, value ?? undefined] as const);
      const map = OrderedMap.of(first);
      let oneByOne = map;
      for (const change of changes) oneByOne = oneByOne.withAll([change]);
      const atOnce = map.withAll(changes);
      expect([...atOnce]).toEqual([...oneByOne]);
      expect(atOnce.size).toBe([...atOnce].length);
      for (const [key, value] of atOnce) expect(atOnce.get(key)).toBe(value);
    }),
    { numRuns: 30 },
  );
});

it('names the keys that differ between two maps', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 500, size: 'max' }), steps, (first, sequence) => {
      const before = OrderedMap.of(first.map((each): [string, object] => [each, {}]));
      let after = before;
      for (const { key, value } of sequence) after = after.withAll([[key, value === null ? undefined : {}]]);
      const all = new Set([...before.keys(), ...after.keys()]);
      const expected = [...all].filter((each) => before.get(each) !== after.get(each)).sort();
      expect(OrderedMap.changedKeys(before, after).sort()).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

it('goes through its keys in pieces', () => {
  const map = OrderedMap.of(Array.from({ length: 300 }, (_, n): [string, number] => [`k${n + 100}`, n]));
  const seen: string[] = [];
  for (let piece = [...map.keysAfter('', 70)]; piece.length > 0; piece = [...map.keysAfter(seen.at(-1) ?? '', 70)]) {
    expect(piece.length).toBeLessThanOrEqual(70);
    seen.push(...piece);
  }
  expect(seen).toEqual([...map.keys()]);
  expect([...OrderedMap.of([]).keysAfter('', 3)]).toEqual([]);
});
