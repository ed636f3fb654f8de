import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { FairwayError } from '../../domain/errors.ts';
import type { Control } from '../../service/control.ts';
import type { OperatorEnv } from '../auth.ts';
import { guarded, problems } from './route.ts';

/** Streams at a time; a browser tab holds one. */
const MAX_STREAMS = 100;
/** Shorter than the idle time-outs of common proxies. */
const KEEP_ALIVE_MS = 20_000;

const events = createRoute({
  method: 'get',
  path: '/events',
  tags: ['state'],
  summary: 'Changes, as server-sent events `change` with the new revision',
  ...guarded('viewer'),
  responses: {
    200: { description: 'A stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    ...problems,
  },
});

/** `/events`. */
export function eventRoutes(control: Control) {
  const app = new OpenAPIHono<OperatorEnv>();
  let streams = 0;
  app.openapi(events, (c) => {
    if (streams >= MAX_STREAMS) {
      throw new FairwayError('rate_limited', `${MAX_STREAMS} event streams are open already; close one`, {
        retryAfter: 30,
      });
    }
    streams++;
    return streamSSE(c, async (stream) => {
      const tell = (revision: number) =>
        stream.writeSSE({ event: 'change', id: String(revision), data: JSON.stringify({ revision }) });
      const stop = control.onChange(({ revision }) => void tell(revision));
      stream.onAbort(() => {
        stop();
        streams--;
      });
      await tell(control.snapshot().revision);
      while (!stream.aborted) {
        await stream.sleep(KEEP_ALIVE_MS);
        await stream.write(': still here\n\n');
      }
    });
  });
  return app;
}
