import { createHash } from 'node:crypto';
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { FairwayError } from '../../domain/errors.ts';
import type { InventoryMode } from '../../domain/inventory-count.ts';
import type { Inventories } from '../../service/inventory.ts';
import { addressOf, type OperatorEnv } from '../auth.ts';
import { readJsonArray } from '../json-array.ts';
import * as schemas from '../schemas/inventory.ts';
import { answers, guarded } from './route.ts';

// Some 190,000 instances. The body is read as it arrives; what stays in memory is a sighting of each enrolled agent,
// about 400 bytes.
const MAX_INVENTORY = 64 * 1024 * 1024;
/** An instance of a busy agent has some 2 KiB and 4 levels. */
const INSTANCE = { size: 64 * 1024, depth: 20 };

const post = createRoute({
  method: 'post',
  path: '/inventory',
  operationId: 'importInventory',
  tags: ['agents'],
  summary: 'Replace what is known of the agents of a control plane or channel by `tctl inventory ls --format=json`',
  ...guarded('import-inventory', null),
  request: {
    query: schemas.InventoryQuery,
    body: {
      required: true,
      description: 'Up to 64 MiB; an instance up to 64 KiB and 20 levels deep.',
      content: { 'application/json': { schema: { type: 'array', items: { type: 'object' } } } },
    },
  },
  responses: answers('The counts.', schemas.InventoryResult),
});

/** `/inventory`. An import of which no byte comes for `idle` milliseconds ends. */
export function inventoryRoutes(inventories: Inventories, idle: number) {
  const app = new OpenAPIHono<OperatorEnv>();
  let importing = false;

  app.openapi(post, async (c) => {
    const type = c.req.header('content-type') ?? '';
    if (!/^application\/json\b/i.test(type)) {
      throw new FairwayError('unsupported_media_type', 'send JSON, with the header Content-Type: application/json');
    }
    const { controlPlane, channel, ...query } = c.req.valid('query');
    const mode = readMode(query);
    if (importing) {
      const message = 'another inventory is being imported; wait until it is done, then send yours again';
      throw new FairwayError('rate_limited', message, { retryAfter: 5 });
    }
    importing = true;
    try {
      const hash = createHash('sha256');
      const instances = readJsonArray(
        limited(c.req.raw.body, idle, (chunk) => hash.update(chunk)),
        INSTANCE,
      );
      const sender = { actor: c.get('actor'), address: addressOf(c), sha256: () => hash.digest('hex') };
      return c.json(await inventories.importInventory({ controlPlane, channel, mode }, instances, sender), 200);
    } finally {
      importing = false;
    }
  });
  return app;
}

function readMode({
  partial,
  complete,
}: {
  partial?: string | undefined;
  complete?: string | undefined;
}): InventoryMode {
  if (partial === 'true' && complete === 'true') {
    throw new FairwayError('invalid', 'an inventory is partial or complete; leave one of the two out');
  }
  return partial === 'true' ? 'partial' : complete === 'true' ? 'complete' : 'proven';
}

async function* limited(
  body: ReadableStream<Uint8Array> | null,
  idle: number,
  look: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body ? withoutStalls(body, idle) : []) {
    size += chunk.byteLength;
    if (size > MAX_INVENTORY) {
      throw new FairwayError(
        'too_large',
        'the inventory is larger than 64 MiB; remove fields that Fairway does not read, for instance with jq',
      );
    }
    look(chunk);
    yield chunk;
  }
}

async function* withoutStalls(body: ReadableStream<Uint8Array>, idle: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let timer: NodeJS.Timeout | undefined;
  const stall = new Promise<never>((_, reject) => {
    const message = `the upload sent nothing for ${idle} ms; nothing was changed, send it again`;
    timer = setTimeout(() => reject(new FairwayError('malformed', message)), idle);
  });
  try {
    while (true) {
      const { done, value } = await Promise.race([reader.read(), stall]);
      if (done) return;
      yield value;
      timer?.refresh();
    }
  } finally {
    clearTimeout(timer);
    // If the client went away, the body has already ended.
    void reader.cancel().catch(() => {});
  }
}
