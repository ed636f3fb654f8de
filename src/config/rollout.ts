import { z } from 'zod';
import { isGroup } from '../domain/agent.ts';
import { FREEZE_EXEMPTIONS, freezeFault, MAX_FREEZES } from '../domain/freeze.ts';
import { DEFAULT_GROUP, rolloutFaults, STRATEGIES, UNMATCHED } from '../domain/rollout-settings.ts';
import { DEFAULT_WATCH, MAX_CONDITIONS, REACTIONS, watchFaults } from '../domain/watch-settings.ts';
import { DAYS, windowFault } from '../domain/window.ts';

// The settings of a channel, which files and the API write alike. Durations stay texts, so that they are shown as they
// were set; the domain says what is wrong with a whole.

const spelling = z.string().refine(isGroup, 'expected 1 to 64 of A-Za-z0-9._:-');
const length = z.string().max(20);

export const windowSchema = z
  .strictObject({
    start: z.string().max(5).describe('time of day at which it opens, HH:MM'),
    for: length.describe('how long it stays open, at most 24h'),
    timeZone: z.string().min(1).max(64).default('UTC').describe('name of the time zone, such as Europe/Berlin'),
  })
  .superRefine((window, context) => {
    const fault = windowFault(window);
    if (fault) context.addIssue(fault);
  });

const group = z
  .strictObject({
    name: spelling.describe('unique name'),
    match: z.array(spelling).max(20).optional().describe('spellings that mean this group; unset: its name'),
    canaries: z.number().default(DEFAULT_GROUP.canaries).describe('agents that go first, 0 to 10'),
    waves: z
      .array(z.number())
      .min(1)
      .max(20)
      .default(DEFAULT_GROUP.waves)
      .describe('percentages of the group, ascending to 100'),
    days: z.array(z.enum(DAYS)).max(7).default(DEFAULT_GROUP.days).describe('days on which it may begin'),
    window: windowSchema
      .nullable()
      .default(null)
      .describe('when it may begin; null: at any time of these days, in UTC'),
    waitHours: z
      .number()
      .min(0)
      .max(8760)
      .default(DEFAULT_GROUP.waitHours)
      .describe('hours after the group before began'),
    soak: length.default('0s').describe('how long canaries, and then each wave, are watched before more agents go'),
    alertAfter: length.default(DEFAULT_GROUP.alertAfter).describe('how long it may take until it counts as slow'),
  })
  .transform(({ match, ...rest }) => ({ ...rest, match: match ?? [rest.name] }));

export const rolloutSchema = z
  .strictObject({
    strategy: z
      .enum(STRATEGIES)
      .default('halt-on-error')
      .describe('when a group is done: once its agents run the target, or when its window is over'),
    groups: z.array(group).describe('in this order'),
    unmatched: z
      .enum(UNMATCHED)
      .default('last')
      .describe('agents of no group: they belong to the last one, or are never told to update'),
  })
  .superRefine((settings, context) => {
    // A group with a fault of its own was not transformed, so it may lack its spellings.
    if (context.issues.length > 0) return;
    for (const { path, message } of rolloutFaults(settings)) {
      context.addIssue({ code: 'custom', path, message, input: settings });
    }
  });

const moment = z.iso.datetime({
  offset: true,
  error: 'expected a time with its zone, such as 2026-12-23T00:00:00Z',
});

const freeze = z
  .strictObject({
    from: moment.describe('when it begins'),
    until: moment.describe('when it ends; must be after from'),
    reason: z.string().trim().min(1).max(500).describe('why, for those whom it stops'),
    except: z
      .array(z.enum(FREEZE_EXEMPTIONS))
      .max(FREEZE_EXEMPTIONS.length)
      .default([...FREEZE_EXEMPTIONS])
      .describe('moves that it lets through'),
  })
  .superRefine((times, context) => {
    if (context.issues.length > 0) return;
    const message = freezeFault(times);
    if (message) context.addIssue({ code: 'custom', path: ['until'], message, input: times });
  });

export const freezesSchema = z.array(freeze).max(MAX_FREEZES);

const share = z.union([z.string().max(12), z.number()]);

export const watchSchema = z
  .strictObject({
    for: length.default(DEFAULT_WATCH.for).describe('how long after the last agent was told; 0s: not at all'),
    maxReverted: share.default(DEFAULT_WATCH.maxReverted).describe('share of agents that may go back by themselves'),
    maxVanished: share.default(DEFAULT_WATCH.maxVanished).describe('share of agents that may fall silent'),
    maxFailed: share.default(DEFAULT_WATCH.maxFailed).describe('share of agents whose updater may fail'),
    conditions: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 of a-z0-9 and -')
            .describe('unique name'),
          query: z.string().min(1).max(4096).describe('PromQL; it holds while the query returns a series'),
          for: length.default('1m').describe('how long it may fail'),
        }),
      )
      .max(MAX_CONDITIONS)
      .default([])
      .describe('what Prometheus must say'),
    // biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
    then: z.enum(REACTIONS).default('halt').describe('what happens when it looks bad; roll-back: also go back'),
  })
  .superRefine((settings, context) => {
    for (const [field, message] of watchFaults(settings)) {
      context.addIssue({ code: 'custom', path: [field], message, input: settings });
    }
  });
