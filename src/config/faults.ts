import type { z } from 'zod';

const TYPES: Record<string, string> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

const UNITS: Record<string, string> = { string: ' characters', array: ' entries' };

/**
 * Says what is wrong with a setting where its schema has no words of its own. Never shows what was set, which may be a
 * secret.
 */
export const sayFault: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'unrecognized_keys':
      return `no such ${issue.keys.length === 1 ? 'setting' : 'settings'}: ${issue.keys.join(', ')}`;
    case 'too_small':
      return UNITS[issue.origin] ? 'must not be empty' : `must be ${issue.minimum} or more`;
    case 'too_big':
      return `must be ${issue.maximum} or less${UNITS[issue.origin] ?? ''}`;
    case 'invalid_key':
      return `cannot be named so: ${issue.issues[0]?.message ?? 'see docs/operating.md'}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected http://… or https://…' : undefined;
    default:
      return undefined;
  }
};
