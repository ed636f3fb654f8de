import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { describeBad } from '../domain/documents.ts';
import { duration } from '../domain/duration.ts';
import { describeLoss } from '../domain/recovery.ts';
import { describeShortfall } from '../domain/replication.ts';
import type { DashboardServices, Frame, PageContext, Section } from './frame.ts';
import { Layout } from './parts/layout.tsx';

export interface PageOptions {
  title: string;
  section: Section | null;
  /** Whether the page reloads itself when the state changes; not if it has a form that a person may be filling in. */
  live?: boolean;
  /** Whether it shows a chart. */
  chart?: boolean;
  status?: ContentfulStatusCode;
}

/** Answers with a whole page. */
export function renderPage(
  c: PageContext,
  { title, section, live = false, chart = false, status = 200 }: PageOptions,
  content: Child,
) {
  const { pathname, search } = new URL(c.req.url);
  const page = (
    <Layout
      title={title}
      section={section}
      live={live ? pathname + withoutVersions(search) : null}
      chart={chart}
      frame={c.get('frame')}
    >
      {content}
    </Layout>
  );
  return c.html(`<!doctype html>${page}`, status);
}

/** A guess that comes back masked would be confirmed, so the mask for versions under embargo must not see it. */
const withoutVersions = (search: string) => search.replaceAll('.', '%2E');

/** The snapshot is compared with the store every few seconds; older than this it may be out of date. */
const STALE_MS = 15_000;

/** What an operator must know about the store before trusting a page; null if all is well. */
export function describeTrouble(state: DashboardServices['state']): string | null {
  const age = state.age();
  const since = Number.isFinite(age) ? `as it was ${duration(age / 1000)} ago` : 'as it was saved on this machine';
  if (!state.peek())
    return 'The store has not answered since the start, and nothing was saved: there is nothing to show yet.';
  const store = state.storeState();
  if (store.is === 'lost') return `Warning: ${describeLoss(store.loss)}.`;
  if (store.is === 'outdated')
    return `Agents are served the state ${since}; changes are refused: ${store.error.message}.`;
  if (store.is === 'away') {
    return `The store is away. Agents are served the state ${since}; changes are refused until it is back.`;
  }
  if (age > STALE_MS) return `The state is shown ${since}; it may be out of date.`;
  const refusal = state.refusal();
  if (refusal !== null) return `Warning: the store refuses changes: ${refusal}.`;
  const bad = state.peek()?.bad;
  if (bad && bad.size > 0) return `Warning: ${describeBad(bad.values())}.`;
  const shortfall = state.shortfall();
  return shortfall && `The last change is ${describeShortfall(shortfall)}.`;
}

export function createFrame(services: Pick<DashboardServices, 'state' | 'now'>): Frame {
  return { session: null, trouble: describeTrouble(services.state), now: services.now() };
}
