import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import { describeMoment, readMoment } from '../../domain/moment.ts';
import { may, requirePermission } from '../../domain/role.ts';
import { clock, who } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import { reason as reasonSchema } from '../../http/schemas/fields.ts';
import { AddFreeze } from '../../http/schemas/freezes.ts';
import { validated } from '../../http/validation.ts';
import type { ListedFreeze } from '../../service/freezes.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { Fault, outcomeTitle } from '../parts/fault.tsx';
import { Field, Hidden, ReasonField, Tick } from '../parts/form.tsx';
import { Steering } from '../parts/steering.tsx';
import { Table } from '../parts/table.tsx';
import { readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';
import { zoneOf } from '../verbs.ts';

interface Values {
  from?: string;
  until?: string;
  strict?: string;
  reason?: string;
  zone?: string;
}

/** What it would be, or why it is refused. `attempted`: this was the change itself, not its preview. */
interface Outcome {
  freeze: ListedFreeze | null;
  error: FairwayError | null;
  attempted: boolean;
}

const describe = ({ from, until, except, reason }: ListedFreeze): string => {
  const open = except.length > 0 ? `lets through: ${except.join(', ')}` : 'lets nothing through';
  return `From ${clock(from)} until ${clock(until)}; ${open}. ${reason}`;
};

function FreezeTable({ freezes, mayEnd }: { freezes: ListedFreeze[]; mayEnd: boolean }) {
  if (freezes.length === 0) return <p class="muted empty">No freeze of all channels holds or will.</p>;
  return (
    <Table label="Freezes" columns={['Freeze', 'State', 'From', 'Until', 'Lets through', 'Reason', 'Set by', '']}>
      {freezes.map(({ id, holds, from, until, except, reason, by }) => (
        <tr>
          <td>{id ?? '–'}</td>
          <td>{holds ? 'holds' : 'to come'}</td>
          <td class="nowrap">{clock(from)}</td>
          <td class="nowrap">{clock(until)}</td>
          <td>{except.join(', ') || 'nothing'}</td>
          <td>{reason}</td>
          <td>{by === null ? "the server's settings" : who(by)}</td>
          <td>{id !== null && mayEnd && <a href={`/freezes/${id}/remove`}>End it</a>}</td>
        </tr>
      ))}
    </Table>
  );
}

interface AddProps {
  values: Values;
  outcome: Outcome | null;
  session: Session;
  now: Date;
}

function AddPage({ values, outcome, session, now }: AddProps) {
  const action = '/freezes/add';
  const zone = zoneOf(values);
  const hint = (
    <>
      In the time zone <span data-zone>{zone}</span>. It is now {describeMoment(now, zone)}.
    </>
  );
  return (
    <>
      <FreezeCrumbs />
      <h1>Freeze all channels</h1>
      <Steering
        {...{ action, session }}
        back="/freezes"
        explanation={<p>No target of any channel moves forward until the time is up. Pulls and withdrawals go on.</p>}
        outcome={outcome && <Preview {...{ outcome, values, session, action }} button="Freeze all channels" />}
      >
        <Field label="Until" name="until" value={values.until} required maxlength={60} hint={hint} autofocus />
        <Field label="From (optional)" name="from" value={values.from} maxlength={60} hint="By default now." />
        <ReasonField value={values.reason} />
        <Tick
          label="Let roll-backs and critical targets through no more either"
          name="strict"
          checked={!!values.strict}
        />
        <Hidden name="zone" value={zone} />
      </Steering>
    </>
  );
}

const FreezeCrumbs = () => (
  <p class="crumbs">
    <a href="/">Fleet</a> / <a href="/freezes">Freezes</a>
  </p>
);

interface PreviewProps {
  outcome: Outcome;
  values: Values;
  session: Session;
  action: string;
  button: string;
}

const Preview = ({ outcome: { freeze, error, attempted }, values, session, action, button }: PreviewProps) => (
  <>
    <h2>{outcomeTitle(error, attempted)}</h2>
    {error && <Fault error={error} />}
    {freeze && (
      <>
        <p>{describe(freeze)}</p>
        <Confirm {...{ action, session }} values={{ ...values }}>
          <button type="submit" class="primary">
            {button}
          </button>
        </Confirm>
      </>
    )}
  </>
);

/** `/freezes`, `/freezes/add` and `/freezes/ID/remove`. */
export function freezePages({ freezes, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  const status = (outcome: Outcome | null) => (outcome?.error ? STATUS[outcome.error.code] : 200);

  app.get('/freezes', (c) => {
    const actor = c.get('actor');
    return renderPage(
      c,
      { title: 'Freezes', section: 'fleet', live: true },
      <>
        <Crumbs />
        <div class="heading">
          <h1>Freezes</h1>
          <p class="muted">of all channels; a channel shows its own</p>
          {may(actor, 'freeze') && (
            <a class="button" href="/freezes/add">
              Freeze all channels
            </a>
          )}
        </div>
        <section class="panel">
          <FreezeTable freezes={freezes.list()} mayEnd={may(actor, 'unfreeze')} />
        </section>
      </>,
    );
  });

  /** The freeze that a form describes, as its schema reads it. Throws `invalid`. */
  function readInput({ from, until = '', strict, reason = '', zone }: Values) {
    const read = (name: string, text: string) => {
      const { at, fault } = readMoment(text, now(), zoneOf(zone === undefined ? {} : { zone }));
      if (at) return at.toISOString();
      throw new FairwayError('invalid', `${name}: ${fault}`);
    };
    return validated(AddFreeze, {
      until: read('until', until),
      reason,
      ...(from && { from: read('from', from) }),
      ...(strict && { except: [] }),
    });
  }

  const showAdd = (c: PageContext, values: Values, outcome: Outcome | null) =>
    renderPage(
      c,
      { title: 'Freeze all channels', section: 'fleet', status: status(outcome) },
      <AddPage {...{ values, outcome }} session={c.get('session')} now={now()} />,
    );

  app.get('/freezes/add', (c) => {
    requirePermission(c.get('actor'), 'freeze');
    return showAdd(c, {}, null);
  });

  app.post('/freezes/add', async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'freeze');
    const { confirm, ...typed } = (await readTexts(c)) as Values & { confirm?: string };
    const values: Values = { ...typed };
    try {
      const { from, until, ...input } = readInput(typed);
      // The form then carries the very moments that the preview shows.
      Object.assign(values, { until, ...(from && { from }) });
      const request = { actor, ifMatch: null, dryRun: !confirm };
      const { freeze } = await freezes.add({ ...input, from, until }, request);
      return confirm
        ? c.redirect('/freezes', 303)
        : await showAdd(c, values, { freeze, error: null, attempted: false });
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return showAdd(c, values, { freeze: null, error, attempted: Boolean(confirm) });
    }
  });

  const find = (id: string): ListedFreeze => {
    const freeze = freezes.list().find((each) => each.id === id);
    if (freeze) return freeze;
    throw new FairwayError('not_found', `there is no freeze ${id}; to list them: fairway freezes`);
  };

  const showRemove = (c: PageContext, freeze: ListedFreeze, values: Values, outcome: Outcome | null) => {
    const action = `/freezes/${freeze.id}/remove`;
    const session = c.get('session');
    return renderPage(
      c,
      { title: `End the freeze ${freeze.id}`, section: 'fleet', status: status(outcome) },
      <>
        <FreezeCrumbs />
        <h1>End the freeze {freeze.id}</h1>
        <Steering
          {...{ action, session }}
          back="/freezes"
          explanation={<p>{describe(freeze)}</p>}
          outcome={outcome && <Preview {...{ outcome, values, session, action }} button="End the freeze" />}
        >
          <ReasonField value={values.reason} autofocus />
        </Steering>
      </>,
    );
  };

  app.get('/freezes/:id/remove', (c) => {
    requirePermission(c.get('actor'), 'unfreeze');
    return showRemove(c, find(c.req.param('id')), {}, null);
  });

  app.post('/freezes/:id/remove', async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'unfreeze');
    const { confirm, ...values } = (await readTexts(c)) as Values & { confirm?: string };
    const freeze = find(c.req.param('id'));
    try {
      const reason = validated(reasonSchema, values.reason ?? '');
      await freezes.remove(freeze.id ?? '', reason, { actor, ifMatch: null, dryRun: !confirm });
      return confirm
        ? c.redirect('/freezes', 303)
        : await showRemove(c, freeze, values, { freeze, error: null, attempted: false });
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      return showRemove(c, freeze, values, { freeze: null, error, attempted: Boolean(confirm) });
    }
  });
  return app;
}
