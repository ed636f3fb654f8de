import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { type ChangeEvent, changeEvents } from '../domain/change-events.ts';
import { visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Stage } from '../domain/promotion.ts';
import type { Actor } from '../domain/role.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { State } from '../service/state.ts';
import { storeTrouble } from '../service/status.ts';

/** The streams that may be open at once; all tabs of a browser share one. */
const MAX_STREAMS = 100;
/** Shorter than the idle time-outs of common proxies. */
const KEEP_ALIVE_MS = 20_000;
/** Trouble is announced in half a second, and it is looked at once for all streams. */
const LOOK_EVERY_MS = 500;

/** Announces changes of the state to clients that listen. */
export interface EventStreams {
  /**
   * Answers with a stream of events `change`, the current revision first, `trouble`, when something begins or ends to
   * be wrong with the store, and `changes`, when changes of a release reach a stage, are halted, or wait for their
   * sign-off, as far as `actor` may know. Throws `rate_limited` if too many are open, `store_unavailable` while nothing
   * was ever loaded.
   */
  open(c: Context, actor: Actor): Response;
}

/** The streams of one server, limited in number over all clients; they end when `stopping` aborts. */
export function createEventStreams(state: State, stages: readonly Stage[], stopping: AbortSignal): EventStreams {
  const streams = new Set<SSEStreamingApi>();
  const news = followChanges(stages);
  const trouble = watchTrouble(state);
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.abort();
  });
  return {
    open(c, actor) {
      if (streams.size >= MAX_STREAMS) {
        throw new FairwayError('rate_limited', `${MAX_STREAMS} event streams are open already; close one`, {
          retryAfter: 30,
        });
      }
      // Throws while no state was loaded; once the stream is open, it could no longer report that.
      state.snapshot();
      // Node discards the body of a HEAD, so the stream would never end.
      if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' });
      // Proxies such as nginx would hold events back until a buffer is full.
      c.header('X-Accel-Buffering', 'no');
      return streamSSE(c, async (stream) => {
        streams.add(stream);
        if (stopping.aborted) stream.abort();
        await tellNews(stream, state, trouble, (before, after) => news(before, after, actor)).finally(() =>
          streams.delete(stream),
        );
      });
    },
  };
}

/** Waits for each write, so a client that stalls misses revisions instead of filling memory. */
async function tellNews(
  stream: SSEStreamingApi,
  state: State,
  trouble: TroubleWatch,
  news: (before: Snapshot, after: Snapshot) => readonly ChangeEvent[],
): Promise<void> {
  let wake = () => {};
  const stop = state.onChange(() => wake());
  const look = trouble.onChange(() => wake());
  stream.onAbort(() => wake());
  let sent: number | null = null;
  let seen = state.snapshot();
  let told: string | null | undefined;
  while (!stream.aborted) {
    const snapshot = state.snapshot();
    const { revision } = snapshot;
    const is = trouble.peek();
    if (revision === sent && is === told) await stream.write(': still here\n\n');
    if (revision !== sent) {
      await stream.writeSSE({ event: 'change', id: String(revision), data: JSON.stringify({ revision }) });
    }
    for (const event of news(seen, snapshot)) {
      await stream.writeSSE({ event: 'changes', data: JSON.stringify(event) });
    }
    seen = snapshot;
    if (is !== told) await stream.writeSSE({ event: 'trouble', data: JSON.stringify({ is }) });
    sent = revision;
    told = is;
    if (stream.aborted || state.snapshot().revision !== sent || trouble.peek() !== told) continue;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, KEEP_ALIVE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  stop();
  look();
}

/** Finds what happened to changes; the streams that ask for the same step, one after the other, share the answer. */
function followChanges(stages: readonly Stage[]) {
  let last: { before: Snapshot; after: Snapshot; releases: unknown; events: readonly ChangeEvent[] } | null = null;
  return (before: Snapshot, after: Snapshot, actor: Actor): readonly ChangeEvent[] => {
    const releases = visibleTo(after.releases, actor);
    if (last?.before === before && last.after === after && last.releases === releases) return last.events;
    const then = { releases: visibleTo(before.releases, actor), promotions: before.promotions };
    const events = changeEvents(then, { releases, promotions: after.promotions }, stages);
    last = { before, after, releases, events };
    return events;
  };
}

/** Knows what is wrong with the store, in a word, and calls back when that changes. */
interface TroubleWatch {
  peek(): string | null;
  onChange(listener: () => void): () => void;
}

/** Looks only while somebody listens: much of what may be wrong changes without an event. */
function watchTrouble(state: State): TroubleWatch {
  const listeners = new Set<() => void>();
  const look = () => storeTrouble(state)?.is ?? null;
  let seen = look();
  let timer: NodeJS.Timeout | undefined;

  function compare(): void {
    const found = look();
    if (found === seen) return;
    seen = found;
    for (const listener of listeners) listener();
  }

  return {
    peek: look,
    onChange(listener) {
      listeners.add(listener);
      seen = look();
      timer ??= setInterval(compare, LOOK_EVERY_MS).unref();
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}
