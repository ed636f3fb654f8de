import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { paint, plain, type Screen } from './layout.ts';
import type { ApplyResult } from './types.ts';

type Difference = ApplyResult['changes'][number];

/** Fields that the server itself maintains at each change; they are left out. */
const BOOKKEEPING = new Set(['updatedAt', 'updatedBy', 'lineage', 'served']);

/** What a document would change, field by field: `-` before, `+` after. */
export function difference(screen: Screen, changes: Difference[]): string {
  return changes
    .map(({ key, before, after }) => {
      const title = paint(screen, before ? key : `${key} (new)`, 'bold');
      return [title, ...(before ? updated(screen, before, after) : created(screen, after))].join('\n');
    })
    .join('\n');
}

function updated(screen: Screen, before: NonNullable<Difference['before']>, after: Difference['after']): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((field) => !BOOKKEEPING.has(field) && !isDeepStrictEqual(before[field], after[field]))
    .flatMap((field) => [...lines(screen, '-', field, before[field]), ...lines(screen, '+', field, after[field])]);
}

function created(screen: Screen, after: Difference['after']): string[] {
  const isEmpty = (value: unknown) => value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.entries(after)
    .filter(([field, value]) => !['name', 'updatedAt', 'updatedBy'].includes(field) && !isEmpty(value))
    .flatMap(([field, value]) => lines(screen, '+', field, value));
}

function lines(screen: Screen, sign: '-' | '+', field: string, value: unknown): string[] {
  return spread(`${field}:`, value ?? null).map((text) =>
    paint(screen, `  ${sign} ${plain(text)}`, sign === '-' ? 'red' : 'green'),
  );
}

/** Characters of a value that still read well in one line. */
const WIDE = 100;

/** A value in one line, or in one for each of its fields and for each item of a list. */
function spread(name: string, value: unknown): string[] {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  if (text.length <= WIDE || typeof value !== 'object' || value === null || name === '-') return [`${name} ${text}`];
  const parts = Array.isArray(value)
    ? value.flatMap((item) => spread('-', item))
    : Object.entries(value).flatMap(([key, each]) => spread(`${key}:`, each));
  return [name, ...parts.map((part) => `  ${part}`)];
}
