import { Hono } from 'hono';
import type { ControlPlane, ControlPlaneReport } from '../../domain/control-plane.ts';
import { may, requirePermission } from '../../domain/role.ts';
import { count, number, who } from '../../domain/words.ts';
import * as schemas from '../../http/schemas/control-planes.ts';
import { validated } from '../../http/validation.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { CsrfField, Field, Hidden } from '../parts/form.tsx';
import { Moment } from '../parts/moment.tsx';
import { Findings } from '../parts/report.tsx';
import { Table } from '../parts/table.tsx';
import { channelPath } from '../parts/words.ts';
import { readForm } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

const planePath = (name: string) => `/control-planes/${encodeURIComponent(name)}`;

interface ListProps {
  planes: ControlPlane[];
  /** The names of the channels whose agents connect to a control plane. */
  channelsOf: (plane: string) => string[];
  session: Session;
  now: Date;
}

function ControlPlanesPage({ planes, channelsOf, session, now }: ListProps) {
  return (
    <>
      <h1>Control planes</h1>
      <section class="panel">
        {planes.length === 0 ? (
          <p class="muted empty">
            No control plane has been reported yet. Agents must not run ahead of the control plane that their channel
            names.
          </p>
        ) : (
          <Table label="Control planes" columns={['Name', 'Runs', 'Channels', 'Reported']}>
            {planes.map(({ name, version, updatedAt, updatedBy }) => (
              <tr>
                <td>
                  <a href={planePath(name)}>{name}</a>
                </td>
                <td>
                  <code>{version}</code>
                </td>
                <td>
                  <ChannelLinks names={channelsOf(name)} />
                </td>
                <td>
                  <Moment at={updatedAt} now={now} /> <span class="muted">by {who(updatedBy)}</span>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </section>
      {may(session.actor, 'put-control-plane') && (
        <section class="panel">
          <h2>Report a version</h2>
          <form method="post" action="/control-planes" class="inline">
            <CsrfField session={session} />
            <Field label="Name" name="name" required maxlength={64} />
            <Field label="Runs version" name="version" required maxlength={100} />
            <button type="submit">Report the version</button>
          </form>
          <p class="muted">
            A report is recorded without a check. Before you upgrade a control plane, check the version on its page.
          </p>
        </section>
      )}
    </>
  );
}

const ChannelLinks = ({ names }: { names: string[] }) => (
  <span class="links">
    {names.length === 0 && <span class="muted">none</span>}
    {names.map((name) => (
      <a href={channelPath(name)}>{name}</a>
    ))}
  </span>
);

interface ControlPlanePageProps {
  plane: ControlPlane;
  channels: string[];
  report: ControlPlaneReport | null;
  session: Session;
  now: Date;
}

function ControlPlanePage({ plane, channels, report, session, now }: ControlPlanePageProps) {
  return (
    <>
      <p class="crumbs">
        <a href="/control-planes">Control planes</a>
      </p>
      <div class="heading">
        <h1>{plane.name}</h1>
        <p class="muted">
          reported <Moment at={plane.updatedAt} now={now} /> by {who(plane.updatedBy)}
        </p>
      </div>
      <section class="panel hero">
        <div>
          <span class="target">{plane.version}</span>
          <p class="muted">
            agents connect through <ChannelLinks names={channels} />
          </p>
        </div>
      </section>
      <section class="panel">
        <h2>Check a version</h2>
        <form method="get" action={planePath(plane.name)} class="inline">
          <Field label="Version" name="version" value={report?.version ?? ''} required maxlength={100} />
          <button type="submit" class="primary">
            Check
          </button>
        </form>
        {report && <Verdict report={report} />}
        {report?.allowed && report.version !== plane.version && may(session.actor, 'put-control-plane') && (
          <form method="post" action="/control-planes" class="confirm">
            <CsrfField session={session} />
            <Hidden name="name" value={plane.name} />
            <Hidden name="version" value={report.version} />
            <button type="submit">Record {report.version}</button>
          </form>
        )}
      </section>
    </>
  );
}

function Verdict({
  report: { allowed, version, agents, stranded, reasons, channels },
}: {
  report: ControlPlaneReport;
}) {
  return (
    <div class="report" role="status">
      <p class={allowed ? 'verdict good' : 'verdict bad'}>
        <b>{allowed ? 'Allowed' : 'Refused'}</b>
        <span>
          {allowed
            ? `${version} strands none of ${count(agents, 'agent')} on ${count(channels.length, 'channel')}.`
            : `${version} would strand ${number(stranded)} of ${count(agents, 'agent')} on ${count(channels.length, 'channel')}.`}
        </span>
      </p>
      <Findings findings={reasons} kind="bad" />
    </div>
  );
}

/** `/control-planes` and `/control-planes/NAME`. */
export function controlPlanePages({ controlPlanes, channels, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  const channelsOf = (plane: string) =>
    channels.list().flatMap(({ name, controlPlane }) => (controlPlane === plane ? [name] : []));

  app.get('/control-planes', (c) =>
    renderPage(
      c,
      { title: 'Control planes', section: 'control-planes' },
      <ControlPlanesPage
        planes={controlPlanes.list()}
        channelsOf={channelsOf}
        session={c.get('session')}
        now={now()}
      />,
    ),
  );
  app.get('/control-planes/:name', async (c) => {
    const plane = controlPlanes.read(c.req.param('name'));
    const version = c.req.query('version')?.trim();
    const report = version ? await controlPlanes.check(plane.name, version) : null;
    return renderPage(
      c,
      { title: `Control plane ${plane.name}`, section: 'control-planes' },
      <ControlPlanePage
        plane={plane}
        channels={channelsOf(plane.name)}
        report={report}
        session={c.get('session')}
        now={now()}
      />,
    );
  });
  app.post('/control-planes', async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'put-control-plane');
    const form = await readForm(c);
    const name = validated(schemas.ControlPlaneName, form.name);
    const { version } = validated(schemas.PutControlPlane, { version: form.version });
    await controlPlanes.report(name, version, { actor, ifMatch: null, dryRun: false });
    return c.redirect(planePath(name), 303);
  });
  return app;
}
