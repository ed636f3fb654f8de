import { z } from 'zod';
import { VERSION_KINDS } from '../domain/version.ts';
import { channelName, controlPlaneName, duration } from './fields.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'expected 1 to 64 of a-z0-9 and -');

const stage = z.strictObject({
  name,
  channels: z.array(channelName).max(100).default([]),
  controlPlanes: z.array(controlPlaneName).max(100).default([]),
  accepts: z.array(z.enum(VERSION_KINDS)).min(1).default(['cloud']),
  soak: duration,
  automatic: z.boolean().default(false),
  signOff: z.boolean().default(true),
  approval: z.boolean().default(true),
  conditions: z
    .array(z.strictObject({ name, query: z.string().min(1).max(4096) }))
    .max(20)
    .default([]),
});

/** How releases are promoted from stage to stage, and where sign-offs come from. */
export const promotionSettings = z
  .strictObject({
    stages: z.array(stage).max(20),
    grace: duration,
    advanceEvery: duration,
    prometheus: z.strictObject({ url: z.url({ protocol: /^https?$/ }).nullable(), deadline: duration }),
  })
  .superRefine(({ stages, prometheus }, context) => {
    const names = stages.map((each) => each.name);
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice) context.addIssue(`the stage ${twice} is named twice`);
    const asking = stages.find(({ conditions }) => conditions.length > 0);
    if (asking && prometheus.url === null) {
      context.addIssue(`stage ${asking.name} has conditions, so prometheus.url must be set`);
    }
  });

export const githubSettings = z.strictObject({
  webhookSecret: z.string().min(16, 'a webhook secret has at least 16 characters').nullable(),
  label: z.string().min(1).max(100),
  repository: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, 'expected owner/name')
    .nullable(),
});
