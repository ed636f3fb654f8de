import { isDeepStrictEqual } from 'node:util';
import { toYaml } from './context.ts';
import { paint, plain, type Screen } from './layout.ts';
import type { ApplyResult } from './types.ts';

/** Written by the server at each change, so no news. */
const STAMPS = new Set(['updatedAt', 'updatedBy']);

/** What a document would change, key by key: `-` what was, `+` what will be. */
export function difference(screen: Screen, changes: ApplyResult['changes']): string {
  return changes
    .map(({ key, change, before, after }) => {
      const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])].filter((field) => {
        return !STAMPS.has(field) && !isDeepStrictEqual(before?.[field], after[field]);
      });
      const lines = fields.flatMap((field) => [
        ...(before ? side(screen, '-', field, before[field]) : []),
        ...side(screen, '+', field, after[field]),
      ]);
      return [paint(screen, `${key}${change === 'create' ? ' (new)' : ''}`, 'bold'), ...lines].join('\n');
    })
    .join('\n');
}

function side(screen: Screen, sign: '-' | '+', field: string, value: unknown): string[] {
  if (value === undefined) return [];
  const text = toYaml({ [field]: value }).trimEnd();
  return text.split('\n').map((line) => paint(screen, `  ${sign} ${plain(line)}`, sign === '-' ? 'red' : 'green'));
}
