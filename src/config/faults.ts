import type { z } from 'zod';
import { describeFault } from '../domain/faults.ts';

/** The message for a fault in a setting whose schema has none. */
export const sayFault: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_key':
      return `is not a valid name: ${issue.issues[0]?.message ?? 'see docs/operating.md'}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected http://… or https://…' : undefined;
    default:
      return describeFault(issue, issue.input, 'setting');
  }
};
