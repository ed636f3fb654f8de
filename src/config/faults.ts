import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { describeFault } from '../domain/faults.ts';

/** The message for a fault in a setting whose schema has none. */
export const sayFault: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_key':
      return `is not a valid name: ${issue.issues[0]?.message ?? 'see docs/operating.md'}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected http://… or https://…' : undefined;
    case 'unrecognized_keys':
      return `${describeFault(issue, issue.input, 'setting')}${describeLikely(issue.keys, knownKeys(issue.inst))}`;
    default:
      return describeFault(issue, issue.input, 'setting');
  }
};

/** The names of the settings that a mapping may contain. */
function knownKeys(schema: unknown): string[] {
  const { shape = {} } = (schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def ?? {};
  return Object.keys(shape);
}

/** `; did you mean public?`, where a known name is close to an unknown one. */
function describeLikely(unknown: readonly string[], known: readonly string[]): string {
  const likely = unknown.flatMap((key) => {
    const nearest = known.length > 0 ? closest(plain(key), known.map(plain)) : '';
    const name = known.find((each) => plain(each) === nearest);
    return name !== undefined && distance(plain(key), nearest) <= Math.max(2, key.length / 3) ? [name] : [];
  });
  return likely.length > 0 ? `; did you mean ${[...new Set(likely)].join(', ')}?` : '';
}

/** A name without what people write differently: case, hyphens and underscores. */
const plain = (key: string): string => key.toLowerCase().replaceAll(/[-_]/g, '');
