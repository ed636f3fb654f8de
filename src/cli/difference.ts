import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { paint, plain, type Screen } from './layout.ts';
import type { ApplyResult } from './types.ts';

type Difference = ApplyResult['changes'][number];

/** Fields that the server itself maintains at each change; they are left out. */
const BOOKKEEPING = new Set(['updatedAt', 'updatedBy', 'lineage', 'served']);

/** What a document would change, one line each: `-` before, `+` after. */
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
    .flatMap((field) => [line(screen, '-', field, before[field]), line(screen, '+', field, after[field])]);
}

function created(screen: Screen, after: Difference['after']): string[] {
  const isEmpty = (value: unknown) => value === null || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.entries(after)
    .filter(([field, value]) => !['name', 'updatedAt', 'updatedBy'].includes(field) && !isEmpty(value))
    .map(([field, value]) => line(screen, '+', field, value));
}

function line(screen: Screen, sign: '-' | '+', field: string, value: unknown): string {
  const text = stringify(value ?? null, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  return paint(screen, `  ${sign} ${field}: ${plain(text)}`, sign === '-' ? 'red' : 'green');
}
