import { z } from '@hono/zod-openapi';

export const WatchScope = z
  .object({
    until: z.string().nullable().openapi({ description: 'When it ends; null while agents are still to be told.' }),
    sees: z.array(z.string()),
    blind: z.array(z.string()).openapi({ description: 'What it cannot see, and why.' }),
  })
  .openapi('WatchScope', { description: 'What is watched of the last move.' });
