import { Hono } from 'hono';
import { PROMOTION_FILTERS, type PromotionFilter, type PromotionSummary } from '../../domain/promotion-list.ts';
import { PromotionQuery } from '../../http/schemas/promotions.ts';
import { validated } from '../../http/validation.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Moment } from '../parts/moment.tsx';
import { NextPage, ROWS } from '../parts/next-page.tsx';
import { Table } from '../parts/table.tsx';
import { Version } from '../parts/version.tsx';
import { releasePath, spaced } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

/** The filters that people look for most. */
const SHOWN: readonly PromotionFilter[] = ['running', 'halted', 'complete', 'superseded', 'pulled', 'all'];

function Row({ promotion, now }: { promotion: PromotionSummary; now: Date }) {
  const { version, state, stage, since, agents, supersededBy, isExpedited } = promotion;
  return (
    <tr>
      <td>
        <a href={releasePath(version)}>
          <Version version={version} linked />
        </a>
      </td>
      <td>{stage ?? <span class="muted">all</span>}</td>
      <td>
        {spaced(state)} {isExpedited && <span class="mark">expedited</span>}
      </td>
      <td>{since ? <Moment at={since} now={now} /> : <span class="muted">not begun</span>}</td>
      <td>{agents ? `${agents.stage}: ${spaced(agents.state)}` : <span class="muted">with control planes</span>}</td>
      <td>{supersededBy ? <Version version={supersededBy} /> : <span class="muted">none</span>}</td>
    </tr>
  );
}

/** `/promotions`: the promotions by state, the newest release first. */
export function promotionPages({ promotions, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/promotions', (c) => {
    const { state, after } = validated(PromotionQuery, c.req.query());
    const query = { limit: ROWS, ...(after !== undefined && { after }) };
    const { items, next } = promotions.page(c.get('actor'), state, query);
    const filters = SHOWN.includes(state) ? SHOWN : PROMOTION_FILTERS;
    return renderPage(
      c,
      { title: 'Promotions', section: 'releases', live: true },
      <>
        <div class="heading">
          <h1>Promotions</h1>
        </div>
        <section class="panel">
          <nav class="tabs" aria-label="States">
            {filters.map((each) => (
              <a href={`/promotions?state=${each}`} aria-current={each === state ? 'page' : undefined}>
                {spaced(each)}
              </a>
            ))}
          </nav>
          {items.length === 0 ? (
            <p class="muted empty">No promotion is in this list.</p>
          ) : (
            <Table label="Promotions" columns={['Release', 'Stage', 'State', 'Since', 'Agents', 'Superseded by']}>
              {items.map((promotion) => (
                <Row promotion={promotion} now={now()} />
              ))}
            </Table>
          )}
        </section>
        <NextPage path="/promotions" query={{ state }} next={next} />
      </>,
    );
  });
  return app;
}
