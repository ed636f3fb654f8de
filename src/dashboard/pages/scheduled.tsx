import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import { requirePermission } from '../../domain/role.ts';
import { clock } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import { reason as reasonSchema } from '../../http/schemas/fields.ts';
import { validated } from '../../http/validation.ts';
import type { ListedChange } from '../../service/schedules.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { Fault, outcomeTitle } from '../parts/fault.tsx';
import { ReasonField } from '../parts/form.tsx';
import { NextPage, ROWS } from '../parts/next-page.tsx';
import { ScheduledTable } from '../parts/scheduled.tsx';
import { Steering } from '../parts/steering.tsx';
import { channelPath } from '../parts/words.ts';
import { readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';

/** `/scheduled` and `/scheduled/ID/cancel`. */
export function scheduledPages({ schedules }: DashboardServices) {
  const app = new Hono<DashboardEnv>();

  app.get('/scheduled', (c) => {
    const after = c.req.query('after');
    const { items, next } = schedules.page({ limit: ROWS, ...(after && { after }) });
    return renderPage(
      c,
      { title: 'Scheduled', section: 'fleet', live: true },
      <>
        <Crumbs />
        <div class="heading">
          <h1>Scheduled</h1>
          <p class="muted">what is to come, and what was not carried out in the last week</p>
        </div>
        <section class="panel">
          <ScheduledTable changes={items} actor={c.get('actor')} />
        </section>
        <NextPage path="/scheduled" query={{}} next={next} />
      </>,
    );
  });

  function show(c: PageContext, change: ListedChange, reason: string, outcome: { error: FairwayError | null } | null) {
    const { id, channel, verb, input, at, undone } = change;
    const action = `/scheduled/${id}/cancel`;
    const session = c.get('session');
    const title = undone ? 'Acknowledge the change' : 'Cancel the change';
    const error = outcome?.error ?? null;
    return renderPage(
      c,
      { title, section: 'fleet', status: error ? STATUS[error.code] : 200 },
      <>
        <Crumbs channel={channel} />
        <h1>{title}</h1>
        <Steering
          {...{ action, session }}
          back={channelPath(channel)}
          explanation={
            <>
              <p>
                {verb} {input.version} of {channel} at {clock(at)}
              </p>
              {undone && <p>{undone.reason}</p>}
            </>
          }
          outcome={
            outcome && (
              <>
                <h2>{outcomeTitle(error, false)}</h2>
                {error ? (
                  <Fault error={error} />
                ) : (
                  <>
                    <p>{undone ? 'It is no longer shown.' : `${channel} stays where it is.`}</p>
                    <Confirm {...{ action, session }} values={{ reason }}>
                      <button type="submit" class="primary">
                        {title}
                      </button>
                    </Confirm>
                  </>
                )}
              </>
            )
          }
        >
          <ReasonField value={reason} autofocus />
        </Steering>
      </>,
    );
  }

  app.get('/scheduled/:id/cancel', (c) => {
    requirePermission(c.get('actor'), 'cancel-scheduled');
    return show(c, schedules.read(c.req.param('id')), '', null);
  });

  app.post('/scheduled/:id/cancel', async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'cancel-scheduled');
    const { confirm, reason = '' } = await readTexts(c);
    const change = schedules.read(c.req.param('id'));
    try {
      const request = { actor, ifMatch: null, dryRun: !confirm };
      await schedules.cancel(change.id, validated(reasonSchema, reason), request);
      return confirm ? c.redirect(channelPath(change.channel), 303) : await show(c, change, reason, { error: null });
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return show(c, change, reason, { error });
    }
  });
  return app;
}
