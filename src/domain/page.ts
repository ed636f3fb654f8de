import { FairwayError } from './errors.ts';
import { compareNames } from './natural-order.ts';

/** Which part of a list is asked for. */
export interface PageQuery {
  /** The last item of the page before; without it, the first page. */
  after?: string | undefined;
  limit: number;
}

/** Part of a list; `next` is the `after` of the page that follows, null for the last one. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

type NameOf<T> = (item: T) => string;

/** A page of a list in the order of its names, also if the item that it follows was deleted. */
export function pageByName<T>(sorted: readonly T[], nameOf: NameOf<T>, { after = '', limit }: PageQuery): Page<T> {
  const first = after === '' ? 0 : sorted.findIndex((item) => compareNames(nameOf(item), after) > 0);
  return cut(first === -1 ? [] : sorted.slice(first, first + limit + 1), nameOf, limit);
}

/** A page of a list in another order. Throws `invalid` if the item that it follows is not there any more. */
export function pageAfter<T>(list: readonly T[], nameOf: NameOf<T>, { after, limit }: PageQuery): Page<T> {
  const before = after === undefined ? -1 : list.findIndex((item) => nameOf(item) === after);
  if (after !== undefined && before === -1) {
    throw new FairwayError('invalid', `${after} is not in the list any more; begin again, without after`);
  }
  return cut(list.slice(before + 1, before + limit + 2), nameOf, limit);
}

/** As `pageAfter`, for people: it begins again where the item that it follows is not there any more. */
export const pageOrFirst = <T>(list: readonly T[], nameOf: NameOf<T>, { after, limit }: PageQuery): Page<T> =>
  pageAfter(list, nameOf, list.some((item) => nameOf(item) === after) ? { after, limit } : { limit });

/** `items` has one more than the limit if there is a next page. */
function cut<T>(items: T[], nameOf: NameOf<T>, limit: number): Page<T> {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, next: last !== undefined && items.length > limit ? nameOf(last) : null };
}

/** The items in the natural order of their names. */
export const sortedBy = <T>(items: Iterable<T>, nameOf: NameOf<T>): T[] =>
  [...items].sort((a, b) => compareNames(nameOf(a), nameOf(b)));

export const nameOf = ({ name }: { name: string }): string => name;
