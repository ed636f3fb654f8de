/** A run of entries, in the order of their keys. */
interface Page<V> {
  readonly keys: readonly string[];
  readonly values: readonly V[];
}

/** Entries of a page: a change copies one page and the list of pages, so both are kept short. */
const MOST = 128;

/**
 * A map that never changes: `with` and `without` return another one, which shares all but one page with it. Its entries
 * are in the order of their keys, by code units.
 */
export class OrderedMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #pages: readonly Page<V>[];

  private constructor(pages: readonly Page<V>[], size: number) {
    this.#pages = pages;
    this.size = size;
  }

  /** Of two entries with one key the later one counts. */
  static of<V>(entries: Iterable<readonly [string, V]>): OrderedMap<V> {
    const sorted = [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1));
    const pages: Page<V>[] = [];
    for (let i = 0; i < sorted.length; i += MOST / 2) {
      const run = sorted.slice(i, i + MOST / 2);
      pages.push({ keys: run.map(([key]) => key), values: run.map(([, value]) => value) });
    }
    return new OrderedMap(pages, sorted.length);
  }

  get(key: string): V | undefined {
    const page = this.#pages[this.#pageOf(key)];
    if (!page) return undefined;
    const at = firstNotBelow(page.keys, key);
    return page.keys[at] === key ? page.values[at] : undefined;
  }

  has(key: string): boolean {
    const page = this.#pages[this.#pageOf(key)];
    return page !== undefined && page.keys[firstNotBelow(page.keys, key)] === key;
  }

  with(key: string, value: V): OrderedMap<V> {
    const index = this.#pageOf(key);
    const { keys, values } = this.#pages[index] ?? { keys: [], values: [] };
    const at = firstNotBelow(keys, key);
    const isThere = keys[at] === key;
    if (isThere) return this.#replacing(index, { keys, values: values.with(at, value) });
    const page = { keys: keys.toSpliced(at, 0, key), values: values.toSpliced(at, 0, value) };
    return this.#replacing(index, ...(page.keys.length > MOST ? halves(page) : [page]));
  }

  without(key: string): OrderedMap<V> {
    if (!this.has(key)) return this;
    const index = this.#pageOf(key);
    const { keys, values } = this.#pages[index] as Page<V>;
    const at = firstNotBelow(keys, key);
    if (keys.length === 1) return this.#replacing(index);
    return this.#replacing(index, { keys: keys.toSpliced(at, 1), values: values.toSpliced(at, 1) });
  }

  /** The keys whose values in the two maps are not the same object. Pages that both share are not looked at. */
  static changedKeys<V>(before: OrderedMap<V>, after: OrderedMap<V>): string[] {
    const [old, fresh] = [new Set(before.#pages), new Set(after.#pages)];
    const was = new Map<string, V>();
    for (const page of old) if (!fresh.has(page)) for (const [key, value] of entriesOf(page)) was.set(key, value);
    const changed: string[] = [];
    for (const page of fresh) {
      if (old.has(page)) continue;
      for (const [key, value] of entriesOf(page)) {
        if (!was.has(key) || was.get(key) !== value) changed.push(key);
        was.delete(key);
      }
    }
    return [...changed, ...was.keys()];
  }

  /** Up to `limit` keys that come after `key`. */
  *keysAfter(key: string, limit: number): Generator<string> {
    let left = limit;
    for (let index = this.#pageOf(key); index < this.#pages.length; index++) {
      for (const each of this.#pages[index]?.keys ?? []) {
        if (each <= key) continue;
        if (left-- <= 0) return;
        yield each;
      }
    }
  }

  *entries(): Generator<[string, V], undefined> {
    for (const page of this.#pages) yield* entriesOf(page);
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const { keys } of this.#pages) yield* keys;
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const { values } of this.#pages) yield* values;
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  /** The page that has the key, or would get it: the last one that does not begin behind it. */
  #pageOf(key: string): number {
    let [low, high] = [0, this.#pages.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pages[middle]?.keys[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #replacing(index: number, ...pages: Page<V>[]): OrderedMap<V> {
    const all = this.#pages.toSpliced(index, 1, ...pages);
    const before = this.#pages[index]?.keys.length ?? 0;
    const after = pages.reduce((sum, { keys }) => sum + keys.length, 0);
    return new OrderedMap(all, this.size - before + after);
  }
}

const halves = <V>({ keys, values }: Page<V>): Page<V>[] =>
  [
    [0, MOST / 2],
    [MOST / 2, keys.length],
  ].map(([from, to]) => ({ keys: keys.slice(from, to), values: values.slice(from, to) }));

function* entriesOf<V>({ keys, values }: Page<V>): Generator<[string, V]> {
  for (let i = 0; i < keys.length; i++) yield [keys[i] as string, values[i] as V];
}

/** The place of the first key that is not below `key`. */
function firstNotBelow(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
