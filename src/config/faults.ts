import type { z } from 'zod';
import { describeFault } from '../domain/faults.ts';

/** Says what is wrong with a setting where its schema has no words of its own. */
export const sayFault: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_key':
      return `cannot be named so: ${issue.issues[0]?.message ?? 'see docs/operating.md'}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected http://… or https://…' : undefined;
    default:
      return describeFault(issue, issue.input, 'setting');
  }
};
