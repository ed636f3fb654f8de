import { z } from '@hono/zod-openapi';
import { VersionCount } from './fields.ts';

/** The fields of an instance of `tctl inventory ls --format=json` that Fairway reads. */
export const Instance = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    version: z.string().optional(),
    ext_upgrader: z.string().optional(),
    external_upgrader: z.string().optional(),
    ext_upgrader_version: z.string().optional(),
    updater_info: z.object({ update_group: z.string().optional() }).nullish(),
  }),
});
export const InventoryResult = z
  .object({ received: z.int(), enrolled: z.int(), skipped: z.int(), oldest: VersionCount.nullable() })
  .openapi('InventoryResult');
