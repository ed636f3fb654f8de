import { Hono } from 'hono';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Crumbs } from '../parts/crumbs.tsx';
import { History } from '../parts/history.tsx';
import { channelPath } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

const PAGE = 50;

/** `/channels/NAME/history`: everything that happened to a channel, even after it was deleted. */
export function historyPage({ audit, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/:channel/history', async (c) => {
    const name = c.req.param('channel');
    const before = Number(c.req.query('before')) || undefined;
    const entries = await audit.history(name, { limit: PAGE, before }, c.get('actor'));
    const last = entries.length === PAGE ? entries.at(-1) : undefined;
    return renderPage(
      c,
      { title: `History of ${name}`, section: 'fleet' },
      <>
        <Crumbs channel={name} />
        <h1>History</h1>
        <section class="panel">
          <History channel={name} entries={entries} now={now()} />
          {entries.length === 0 && <p class="muted empty">There are no older entries.</p>}
        </section>
        {last && (
          <p class="actions">
            <a class="button" href={channelPath(name, `/history?before=${last.id}`)}>
              Show older entries
            </a>
          </p>
        )}
      </>,
    );
  });
  return app;
}
