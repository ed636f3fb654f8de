import { z } from '@hono/zod-openapi';
import { MAX_VERSION_LENGTH, readVersion, requireVersion, VERSION_KINDS } from '../../domain/version.ts';

/** A string that the domain has an opinion on; its sentence becomes the message. */
export const judged = (fault: (text: string) => string | null) =>
  z.string().superRefine((text, context) => {
    const message = fault(text);
    if (message) context.addIssue(message);
  });

const versionFault = (text: string) => {
  const version = readVersion(text);
  return typeof version === 'string' ? version : null;
};

export const time = () => z.iso.datetime({ offset: true });
export const kind = z.enum(VERSION_KINDS);
export const reason = z.string().trim().min(1).max(500).openapi({ example: 'incident 12' });
export const version = judged(versionFault).openapi({ example: '16.4.7', maxLength: MAX_VERSION_LENGTH });
/** As it is stored and looked up. */
export const canonicalVersion = version.transform((text) => requireVersion(text).text);
export const dryRun = z.boolean().optional();
