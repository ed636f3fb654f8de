import { z } from '@hono/zod-openapi';
import { SEVERITIES, TROUBLES } from '../../domain/status.ts';

const severity = z.enum(SEVERITIES).openapi({
  description:
    '`bad`: agents are in danger or cannot be steered; `warn`: a person should look; `note`: set on purpose.',
});
const kind = z.enum(TROUBLES);

const Trouble = z
  .object({
    kind,
    severity,
    channel: z.string().nullable(),
    release: z.string().nullable().openapi({ description: 'The release, for a promotion.' }),
    agents: z.int().nullable().openapi({ description: 'How many agents are concerned.' }),
    detail: z.string().openapi({ description: 'What is wrong and what to do, in a sentence.' }),
  })
  .openapi('Trouble');

export const Status = z
  .object({
    worst: severity.nullable().openapi({ description: 'Null: nothing is wrong.' }),
    groups: z
      .array(
        z.object({
          kind,
          severity,
          headline: z.string().openapi({ description: 'What is wrong and how often, in a few words.' }),
          troubles: z.array(Trouble).openapi({ description: 'Most agents first.' }),
        }),
      )
      .openapi({ description: 'By kind, the worst first.' }),
  })
  .openapi('Status');
