/** A run of entries, in the order of their keys. */
interface Page<V> {
  readonly keys: readonly string[];
  readonly values: readonly V[];
}

/** Entries of a page: a change copies its pages and the list of pages, so both are kept short. */
const MOST = 128;

/**
 * A map that never changes: `withAll` returns another one, which shares with it the pages that nothing changed in. Its
 * entries are in the order of their keys, by code units.
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
    const page = { keys: sorted.map(([key]) => key), values: sorted.map(([, value]) => value) };
    return new OrderedMap(cut(page), sorted.length);
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

  /** The map with other values for some keys; undefined takes a key away. It costs the pages that these are in. */
  withAll(changes: Iterable<readonly [string, V | undefined]>): OrderedMap<V> {
    const byPage = new Map<number, [string, V | undefined][]>();
    for (const [key, value] of changes) {
      const index = this.#pageOf(key);
      const own = byPage.get(index);
      if (own) own.push([key, value]);
      else byPage.set(index, [[key, value]]);
    }
    if (byPage.size === 0) return this;
    let { size } = this;
    const before = this.#pages.length > 0 ? this.#pages : [EMPTY];
    const pages = before.flatMap((page, index) => {
      const own = byPage.get(index);
      if (!own) return [page];
      const after = changed(page, own);
      size += after.keys.length - page.keys.length;
      return after.keys.length > MOST ? cut(after) : after.keys.length > 0 ? [after] : [];
    });
    return new OrderedMap(pages, size);
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
}

const EMPTY = { keys: [], values: [] };

/** The page with some changes; one of a key that is there already costs only a copy. */
function changed<V>(page: Page<V>, changes: readonly (readonly [string, V | undefined])[]): Page<V> {
  let [keys, values] = [page.keys, [...page.values]];
  const fresh = new Map<string, V | undefined>();
  for (const [key, value] of changes) {
    const at = firstNotBelow(page.keys, key);
    if (value !== undefined && page.keys[at] === key && fresh.size === 0) values[at] = value;
    else fresh.set(key, value);
  }
  if (fresh.size === 0) return { keys, values };
  const merged = new Map<string, V>(keys.map((key, n) => [key, values[n] as V]));
  for (const [key, value] of fresh) {
    if (value === undefined) merged.delete(key);
    else merged.set(key, value);
  }
  keys = [...merged.keys()].sort();
  values = keys.map((key) => merged.get(key) as V);
  return { keys, values };
}

/** Pages that have room. */
function cut<V>({ keys, values }: Page<V>): Page<V>[] {
  const pages: Page<V>[] = [];
  for (let i = 0; i < keys.length; i += MOST / 2) {
    pages.push({ keys: keys.slice(i, i + MOST / 2), values: values.slice(i, i + MOST / 2) });
  }
  return pages;
}

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
