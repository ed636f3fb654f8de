import { z } from 'zod';
import { channelNameFault } from '../domain/channel.ts';
import { DURATION, parseDuration } from '../domain/duration.ts';

const NO_DURATION = 'expected a duration such as 500ms, 30s, 5m, 24h or 30d';

/** Milliseconds, written as 500ms, 30s, 5m, 24h or 30d; 0s is allowed. */
export const durationOrNone = z
  .string({ error: ({ input }) => (input === undefined ? undefined : NO_DURATION) })
  .regex(DURATION, NO_DURATION)
  .transform((text) => parseDuration(text) ?? 0)
  .meta({ title: 'duration' });

/** The same, but at least a millisecond. */
export const duration = durationOrNone
  .refine((length) => length > 0, 'must be more than 0')
  .meta({ title: 'duration' });

export const channelName = z
  .string()
  .superRefine((name, context) => {
    const fault = channelNameFault(name);
    if (fault) context.addIssue(fault);
  })
  .meta({ title: 'channel' });

export const controlPlaneName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected 1 to 64 of a-z0-9._-')
  .meta({ title: 'control plane' });

const NO_SHARE = 'expected a share from 0 to 1, or a percentage such as 20%';

/** A share from 0 to 1, which may be written as a percentage: 0.2 or 20%. */
export const share = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d{1,3}(\.\d{1,6})?%$/)
        .transform((text) => Number(text.slice(0, -1)) / 100),
    ],
    NO_SHARE,
  )
  .refine((number) => number >= 0 && number <= 1, NO_SHARE)
  .meta({ title: 'share' });
