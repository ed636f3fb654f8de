import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { storeTrouble } from '../service/status.ts';
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

export function createFrame(services: Pick<DashboardServices, 'state' | 'now'>): Frame {
  return {
    session: null,
    revision: services.state.peek()?.revision ?? null,
    trouble: storeTrouble(services.state),
    now: services.now(),
  };
}
