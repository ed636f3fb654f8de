import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { JSONParser } from '@streamparser/json';
import { FairwayError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/inventory.ts';
import type { Fleet } from '../../service/fleet.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/inventory.ts';
import { invalid } from '../validation.ts';
import { answers, guarded } from './route.ts';

// About 190,000 instances. The body is parsed as it arrives; only a sighting of each enrolled agent stays in memory,
// about 250 bytes.
const MAX_INVENTORY = 64 * 1024 * 1024;

const post = createRoute({
  method: 'post',
  path: '/inventory',
  operationId: 'importInventory',
  tags: ['agents'],
  summary: 'Replace the agents of a channel by the output of `tctl inventory ls --format=json`',
  ...guarded('import-inventory', null),
  request: {
    query: z.object({ channel: z.string().openapi({ example: 'stable/cloud' }) }),
    body: {
      required: true,
      description: 'Up to 64 MiB.',
      content: { 'application/json': { schema: { type: 'array', items: { type: 'object' } } } },
    },
  },
  responses: answers('The counts.', schemas.InventoryResult),
});

/** `/inventory`. An import that sends nothing for `idle` milliseconds is aborted. */
export function inventoryRoutes(fleet: Fleet, idle: number) {
  const app = new OpenAPIHono<OperatorEnv>();
  let importing = false;

  app.openapi(post, async (c) => {
    const type = c.req.header('content-type') ?? '';
    if (!/^application\/json\b/i.test(type)) {
      throw new FairwayError('unsupported_media_type', 'send JSON, with the header Content-Type: application/json');
    }
    if (importing) {
      const message = 'another inventory is being imported; wait until it is done, then send yours again';
      throw new FairwayError('rate_limited', message, { retryAfter: 5 });
    }
    importing = true;
    try {
      const instances = readInstances(limited(c.req.raw.body, idle));
      return c.json(await fleet.importInventory(c.req.valid('query').channel, instances), 200);
    } finally {
      importing = false;
    }
  });
  return app;
}

async function* readInstances(body: AsyncIterable<Uint8Array>): AsyncGenerator<Instance> {
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  let parsed: unknown[] = [];
  let index = 0;
  let begun = false;
  parser.onValue = ({ value }) => void parsed.push(value);
  for await (const chunk of body) {
    // The parser would accept an object as well and read its members.
    const first: number | undefined = begun ? undefined : chunk.find((byte) => !WHITESPACE.has(byte));
    if (first !== undefined && first !== LEFT_BRACKET) throw new FairwayError('malformed', NO_ARRAY);
    begun ||= first !== undefined;
    try {
      parser.write(chunk);
    } catch (cause) {
      throw new FairwayError('malformed', NO_ARRAY, { cause });
    }
    for (const value of parsed) yield readInstance(value, index++);
    parsed = [];
  }
  if (!parser.isEnded) throw new FairwayError('malformed', NO_ARRAY);
}

const LEFT_BRACKET = 0x5b;
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const NO_ARRAY = 'the body is not the JSON array that `tctl inventory ls --format=json` prints; nothing was changed';

async function* limited(body: ReadableStream<Uint8Array> | null, idle: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body ? withoutStalls(body, idle) : []) {
    size += chunk.byteLength;
    if (size > MAX_INVENTORY) {
      throw new FairwayError(
        'too_large',
        'the inventory is larger than 64 MiB; remove fields that Fairway does not read, for instance with jq',
      );
    }
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

function readInstance(value: unknown, index: number): Instance {
  const instance = schemas.Instance.safeParse(value);
  if (instance.success) return instance.data;
  const faults = invalid(instance.error, value).details.errors ?? [];
  const errors = faults.map(({ path, message }) => ({ path: path ? `${index}.${path}` : String(index), message }));
  throw new FairwayError('invalid', `entry ${index} of the inventory is not an instance; nothing was changed`, {
    errors,
  });
}
