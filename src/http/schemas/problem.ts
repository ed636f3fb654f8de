import { z } from '@hono/zod-openapi';
import { ERROR_CODES } from '../../domain/errors.ts';
import { PromotionGate } from './promotions.ts';
import { Report } from './report.ts';

/** RFC 9457. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES),
    detail: z.string().openapi({ description: 'What is wrong, and what to do next.' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    report: Report.optional(),
    gates: z.array(PromotionGate).optional(),
  })
  .openapi('Problem');
