import { z } from '@hono/zod-openapi';
import { FREEZE_EXEMPTIONS } from '../../domain/freeze.ts';
import { FREEZE_ID } from '../../domain/global-freeze.ts';
import { dryRun, reason, signature, time } from './fields.ts';

export const freezeId = z
  .string()
  .regex(FREEZE_ID, 'expected 1 to 64 of a-z0-9._-, a letter or digit first')
  .openapi({ example: 'holidays-2026' });

const except = z.array(z.enum(FREEZE_EXEMPTIONS)).max(FREEZE_EXEMPTIONS.length);

/** A freeze that was added, as documents hold it. */
export const addedFreeze = { id: freezeId, from: time(), until: time(), reason, except, ...signature };

export const GlobalFreeze = z
  .object({
    set: z
      .enum(['settings', 'api'])
      .openapi({ description: 'Where it was set; one of the settings is changed there.' }),
    id: z.string().nullable(),
    from: z.string(),
    until: z.string(),
    reason: z.string(),
    except,
    by: z.string().nullable().openapi({ description: 'Who added it.' }),
    at: z.string().nullable().openapi({ description: 'When it was added.' }),
    holds: z.boolean().openapi({ description: 'Does it hold now?' }),
  })
  .openapi('GlobalFreeze');

export const GlobalFreezes = z.object({ freezes: z.array(GlobalFreeze) }).openapi('GlobalFreezes');

export const AddFreeze = z.strictObject({
  id: freezeId.optional().openapi({ description: 'By default a new one. The same freeze again changes nothing.' }),
  from: time().optional().openapi({ description: 'By default now.' }),
  until: time().openapi({ description: 'When it ends, at most a year from now.' }),
  reason,
  except: except.default([...FREEZE_EXEMPTIONS]).openapi({ description: 'Moves that it lets through.' }),
  dryRun,
});
