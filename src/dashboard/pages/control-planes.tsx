import { Hono } from 'hono';
import type { Components, ControlPlaneReport } from '../../domain/control-plane.ts';
import { FairwayError } from '../../domain/errors.ts';
import { may, requirePermission } from '../../domain/role.ts';
import { count, number, who } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import * as schemas from '../../http/schemas/control-planes.ts';
import { validated } from '../../http/validation.ts';
import type { ControlPlaneView } from '../../service/control-planes.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { Confirm } from '../parts/confirm.tsx';
import { EvidenceView, evidencePath } from '../parts/evidence.tsx';
import { CsrfField, Field, Hidden } from '../parts/form.tsx';
import { Moment } from '../parts/moment.tsx';
import { describePlane } from '../parts/plane.ts';
import { Findings } from '../parts/report.tsx';
import { Table } from '../parts/table.tsx';
import { channelPath } from '../parts/words.ts';
import { readForm } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

const planePath = (name: string) => `/control-planes/${encodeURIComponent(name)}`;

interface ListProps {
  planes: ControlPlaneView[];
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
            {planes.map((plane) => (
              <tr>
                <td>
                  <a href={planePath(plane.name)}>{plane.name}</a>
                </td>
                <td>
                  <code>{describePlane(plane)}</code>
                </td>
                <td>
                  <ChannelLinks names={channelsOf(plane.name)} />
                </td>
                <td>
                  <Moment at={plane.updatedAt} now={now} /> <span class="muted">by {who(plane.updatedBy)}</span>
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
  plane: ControlPlaneView;
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
          <span class="target">{plane.lowest}</span>
          {plane.highest !== plane.lowest && (
            <p>
              This is the lowest version that it runs; the highest is <code>{plane.highest}</code>. Both are checked.
            </p>
          )}
          <p class="muted">
            agents connect through <ChannelLinks names={channels} />; its versions changed{' '}
            <Moment at={plane.changedAt} now={now} />
          </p>
        </div>
        {may(session.actor, 'delete-control-plane') && (
          <nav class="actions" aria-label="Actions">
            <a class="button" href={`${planePath(plane.name)}/delete`}>
              Delete the control plane
            </a>
          </nav>
        )}
      </section>
      {plane.components && <ComponentTable components={plane.components} />}
      <section class="panel">
        <h2>Check a version</h2>
        <form method="get" action={planePath(plane.name)} class="inline">
          <Field label="Version" name="version" value={report?.version ?? ''} required maxlength={100} />
          <button type="submit" class="primary">
            Check
          </button>
        </form>
        {report && <Verdict report={report} />}
        {report?.allowed && isNews(report.version, plane) && may(session.actor, 'put-control-plane') && (
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

const isNews = (version: string, { lowest, highest }: ControlPlaneView) => version !== lowest || version !== highest;

const ComponentTable = ({ components }: { components: Components }) => (
  <section class="panel">
    <h2>Components</h2>
    <Table label="Components" columns={['Component', 'Runs']}>
      {Object.entries(components).map(([component, versions]) => (
        <tr>
          <td>{component}</td>
          <td>
            <span class="links">
              {versions.map((version) => (
                <code>{version}</code>
              ))}
            </span>
          </td>
        </tr>
      ))}
    </Table>
  </section>
);

function Verdict({ report }: { report: ControlPlaneReport }) {
  const { allowed, version, agents, stranded, reasons, warnings, channels } = report;
  const all = `${count(agents, 'agent')} on ${count(channels.length, 'channel')}`;
  return (
    <div class="report" role="status">
      <p class={allowed ? 'verdict good' : 'verdict bad'}>
        <b>{allowed ? 'Allowed' : 'Refused'}</b>
        <span>
          {stranded > 0
            ? `${version} would strand ${number(stranded)} of ${all}.`
            : `${version} strands none of ${all}${allowed ? '' : ', and is refused for another reason'}.`}
        </span>
      </p>
      <Findings findings={reasons} kind="bad" />
      <Findings findings={warnings} kind="warn" />
      {channels.map(({ channel, evidence }) => (
        <section aria-label={`Evidence of ${channel}`}>
          <h3>
            <a href={evidencePath(channel)}>{channel}</a>
          </h3>
          <EvidenceView evidence={evidence} />
        </section>
      ))}
    </div>
  );
}

interface DeletePageProps {
  plane: ControlPlaneView;
  channels: string[];
  fault: FairwayError | null;
  attempted: boolean;
  session: Session;
}

function DeletePage({ plane, channels, fault, attempted, session }: DeletePageProps) {
  const path = planePath(plane.name);
  return (
    <>
      <p class="crumbs">
        <a href="/control-planes">Control planes</a> / <a href={path}>{plane.name}</a>
      </p>
      <h1>Delete the control plane</h1>
      <section class="panel form-width">
        <p>
          Fairway forgets that {plane.name} runs {describePlane(plane)}. The control plane itself is not touched.
        </p>
        {fault ? (
          <>
            <h2>{attempted ? 'Nothing was changed' : 'This would be refused'}</h2>
            <p class="fault" role="alert">
              {fault.message}
            </p>
            {channels.length > 0 && (
              <p>
                Channels that name it: <ChannelLinks names={channels} />
              </p>
            )}
            <p class="actions">
              <a class="button" href={path}>
                Back
              </a>
            </p>
          </>
        ) : (
          <Confirm action={`${path}/delete`} session={session} revision={plane.revision} values={{}}>
            <button type="submit" class="danger">
              Delete {plane.name}
            </button>
            <a class="button" href={path}>
              Cancel
            </a>
          </Confirm>
        )}
      </section>
    </>
  );
}

/** `/control-planes`, `/control-planes/NAME` and `/control-planes/NAME/delete`. */
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
  /** Deletes the control plane, or says why that would be refused. */
  async function remove(c: PageContext, ifMatch: number | null) {
    const actor = c.get('actor');
    requirePermission(actor, 'delete-control-plane');
    const attempted = ifMatch !== null;
    const plane = controlPlanes.read(c.req.param('name') ?? '');
    let fault: FairwayError | null = null;
    try {
      await controlPlanes.remove(plane.name, { actor, ifMatch, dryRun: !attempted });
    } catch (error) {
      if (!(error instanceof FairwayError)) throw error;
      fault = error;
    }
    if (attempted && !fault) return c.redirect('/control-planes', 303);
    return renderPage(
      c,
      {
        title: `Delete control plane ${plane.name}`,
        section: 'control-planes',
        status: fault && attempted ? STATUS[fault.code] : 200,
      },
      <DeletePage {...{ plane, fault, attempted }} channels={channelsOf(plane.name)} session={c.get('session')} />,
    );
  }

  app.get('/control-planes/:name/delete', (c) => remove(c, null));
  app.post('/control-planes/:name/delete', async (c) => remove(c, Number((await readForm(c)).revision)));
  app.post('/control-planes', async (c) => {
    const actor = c.get('actor');
    requirePermission(actor, 'put-control-plane');
    const form = await readForm(c);
    const name = validated(schemas.ControlPlaneName, form.name);
    const { version = '' } = validated(schemas.PutControlPlane, { version: form.version });
    await controlPlanes.report(name, version, { actor, ifMatch: null, dryRun: false });
    return c.redirect(planePath(name), 303);
  });
  return app;
}
