import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { FairwayError } from '../domain/errors.ts';
import type { State } from '../service/state.ts';

/** The streams that may be open at once; a browser tab uses one. */
const MAX_STREAMS = 100;
/** Shorter than the idle time-outs of common proxies. */
const KEEP_ALIVE_MS = 20_000;

/** Announces changes of the state to clients that listen. */
export interface EventStreams {
  /**
   * Answers with a stream of events `change`, the current revision first. Throws `rate_limited` if too many are open,
   * `store_unavailable` while nothing was ever loaded.
   */
  open(c: Context): Response;
}

/** The streams of one server, limited in number over all clients; they end when `stopping` aborts. */
export function createEventStreams(state: State, stopping: AbortSignal): EventStreams {
  const streams = new Set<SSEStreamingApi>();
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.abort();
  });
  return {
    open(c) {
      if (streams.size >= MAX_STREAMS) {
        throw new FairwayError('rate_limited', `${MAX_STREAMS} event streams are open already; close one`, {
          retryAfter: 30,
        });
      }
      // Throws while no state was loaded; once the stream is open, it could no longer report that.
      state.snapshot();
      // Node discards the body of a HEAD, so the stream would never end.
      if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' });
      return streamSSE(c, async (stream) => {
        streams.add(stream);
        if (stopping.aborted) stream.abort();
        await tellRevisions(stream, state).finally(() => streams.delete(stream));
      });
    },
  };
}

/** Waits for each write, so a client that stalls misses revisions instead of filling memory. */
async function tellRevisions(stream: SSEStreamingApi, state: State): Promise<void> {
  let wake = () => {};
  const stop = state.onChange(() => wake());
  stream.onAbort(() => wake());
  let sent: number | null = null;
  while (!stream.aborted) {
    const { revision } = state.snapshot();
    if (revision === sent) await stream.write(': still here\n\n');
    else await stream.writeSSE({ event: 'change', id: String(revision), data: JSON.stringify({ revision }) });
    sent = revision;
    if (stream.aborted || state.snapshot().revision !== sent) continue;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, KEEP_ALIVE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  stop();
}
