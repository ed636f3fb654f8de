import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import { STATUS } from '../../http/errors.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { CheckForm } from '../parts/check-form.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { renderPage } from '../render.tsx';

/** `/channels/NAME/check?version=`: may the target be this version? */
export function checkPage({ channels }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/:channel/check', async (c) => {
    const { name } = channels.read(c.req.param('channel'));
    const version = c.req.query('version')?.trim() ?? '';
    const answer = await channels.check(name, version, c.get('actor')).catch((error: Error) => error);
    if (answer instanceof Error && !(answer instanceof FairwayError)) throw answer;
    const fault = answer instanceof FairwayError ? answer : null;
    return renderPage(
      c,
      { title: `Check ${version}`, section: 'fleet', status: fault ? STATUS[fault.code] : 200 },
      <>
        <Crumbs channel={name} />
        <h1>Check</h1>
        <CheckForm
          channel={name}
          version={version}
          fault={fault?.message ?? null}
          report={answer instanceof Error ? null : answer}
        />
      </>,
    );
  });
  return app;
}
