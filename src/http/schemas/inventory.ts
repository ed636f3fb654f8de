import { z } from '@hono/zod-openapi';
import { controlPlaneName, VersionCount } from './fields.ts';

const flag = z.enum(['true', 'false']).optional();

export const InventoryQuery = z.object({
  controlPlane: controlPlaneName.optional().openapi({
    example: 'main',
    description: 'The control plane that printed it: each agent counts on the channel that serves it.',
  }),
  channel: z.string().optional().openapi({
    example: 'stable/cloud',
    description: 'What it is an inventory of; with `controlPlane`, the channel of agents that name no group.',
  }),
  partial: flag.openapi({
    description: 'Agents may be missing: it adds to what is known, and is not a complete source.',
  }),
  complete: flag.openapi({ description: 'You vouch that it is complete, though it lists no auth or proxy server.' }),
});

const example = z.string().optional();

export const InventoryResult = z
  .object({
    received: z.int(),
    enrolled: z.int().openapi({ description: 'Agents that count, those whose version cannot be read included.' }),
    skipped: z.int().openapi({ description: 'Those of them whose version cannot be read.' }),
    oldest: VersionCount.nullable().openapi({ description: 'The lowest version that can be read.' }),
    duplicates: z.int().openapi({ description: 'Ids that were listed again; the lower version counts.' }),
    expired: z.int().openapi({ description: 'Agents that had expired by the moment of the inventory.' }),
    unreadable: z.int().openapi({ description: 'Entries that are not an instance, and versions.' }),
    anonymous: z.int().openapi({ description: 'Agents that count by their version alone; their id cannot be kept.' }),
    contested: z.int().openapi({ description: 'Agents that go back and forth between versions.' }),
    pinned: z.int(),
    disabled: z.int(),
    unmanaged: z.int().openapi({ description: 'Connected instances without an updater.' }),
    unmappedGroups: z.record(z.string(), z.int()).openapi({ description: 'Agents by a group that has no channel.' }),
    channels: z.array(
      z.object({
        channel: z.string(),
        agents: z.int(),
        settling: z
          .object({ from: z.int(), to: z.int() })
          .nullable()
          .openapi({ description: 'A fall in the number of agents that is not yet believed.' }),
      }),
    ),
    complete: z.boolean(),
    at: z.string().openapi({ description: 'The moment that it describes: its newest `last_seen`.' }),
    examples: z.object({
      duplicates: example,
      expired: example,
      unreadable: example,
      anonymous: example,
      contested: example,
      pinned: example,
      disabled: example,
      unmanaged: example,
      unmappedGroups: example,
    }),
  })
  .openapi('InventoryResult');
