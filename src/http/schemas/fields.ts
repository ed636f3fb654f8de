import { z } from '@hono/zod-openapi';
import { MAX_VERSION_LENGTH, readVersion, requireVersion, VERSION_KINDS } from '../../domain/version.ts';
import { MAX_REASON } from '../../domain/words.ts';

/** A string that the domain checks; the sentence of `fault` becomes the message. */
export const judged = (fault: (text: string) => string | null) =>
  z.string().superRefine((text, context) => {
    const message = fault(text);
    if (message) context.addIssue(message);
  });

const versionFault = (text: string) => {
  const version = readVersion(text);
  return typeof version === 'string' ? version : null;
};

export const time = () =>
  z.iso.datetime({ offset: true, error: 'expected a time with its zone, such as 2026-11-22T18:00:00Z' });
/** A time, or only a date, because a history may have no more. */
export const moment = () =>
  z.union([z.iso.date(), z.iso.datetime({ offset: true })], 'expected 2026-11-22, or 2026-11-22T18:00:00Z');
export const kind = z.enum(VERSION_KINDS);
/** Bytes that are not UTF-8 arrive as this character. */
const BROKEN = '\ufffd';
export const reason = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .refine((text) => !text.includes(BROKEN), 'has bytes that are not UTF-8; send it again in UTF-8')
  .openapi({ example: 'incident 12' });
export const version = judged(versionFault).openapi({ example: '16.4.7', maxLength: MAX_VERSION_LENGTH });
/** A version in its canonical form, as it is stored and looked up. */
export const canonicalVersion = version.transform((text) => requireVersion(text).text);
/** Who did something, when and why, as in documents. The bounds leave room for what Fairway adds. */
export const signature = { by: z.string().max(200), at: time() };
export const said = { ...signature, reason: z.string().max(MAX_REASON) };
export const dryRun = z.boolean().optional();
export const DryRun = z.object({
  dryRun: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Answer as if the change were made, and store nothing.' }),
});
export const VersionCount = z.object({ version: z.string(), count: z.int() });
/** What groups control planes: the class that stages select, and free labels. */
export const tenantClass = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 of a-z0-9 and -')
  .openapi({ example: 'trials' });
export const labels = z
  .record(z.string().regex(/^[A-Za-z0-9._/-]{1,64}$/, 'expected 1 to 64 of A-Za-z0-9._/-'), z.string().max(100))
  .refine((all) => Object.keys(all).length <= 20, 'expected at most 20 labels')
  .openapi({ example: { region: 'eu-west-1' } });
export const controlPlaneName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected 1 to 64 of a-z0-9._-, a letter or digit first');
