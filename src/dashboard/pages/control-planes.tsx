import { Hono } from 'hono';
import type { Components } from '../../domain/control-plane.ts';
import type { ControlPlaneReport } from '../../domain/control-plane-check.ts';
import { FairwayError } from '../../domain/errors.ts';
import { type Actor, may, requirePermission } from '../../domain/role.ts';
import { count, number, who } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import * as schemas from '../../http/schemas/control-planes.ts';
import { validated } from '../../http/validation.ts';
import type { ControlPlaneView } from '../../service/control-planes.ts';
import { unlessAway, unlessInvalid } from '../away.ts';
import type { DashboardEnv, DashboardServices, PageContext } from '../frame.ts';
import { ChannelLinks } from '../parts/channel-links.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { EvidenceView, evidencePath } from '../parts/evidence.tsx';
import { Fault, outcomeTitle } from '../parts/fault.tsx';
import { CsrfField, Field, Hidden } from '../parts/form.tsx';
import { Moment } from '../parts/moment.tsx';
import { NextPage, ROWS } from '../parts/next-page.tsx';
import { PlaneVersion } from '../parts/plane.tsx';
import {
  channelsCutOff,
  FailingSource,
  followersPath,
  PlaneClass,
  type PlaneFilter,
  PlaneFilterForm,
  PlaneStanding,
  PlaneTable,
  type PlaneTableProps,
  PlaneWish,
  readPlaneFilter,
} from '../parts/plane-table.tsx';
import { Findings } from '../parts/report.tsx';
import { Table } from '../parts/table.tsx';
import { maybeVersion, Version } from '../parts/version.tsx';
import { planePath } from '../parts/words.ts';
import { readForm, readTexts } from '../read-form.ts';
import { renderPage } from '../render.tsx';
import type { Session } from '../sessions.ts';

interface ListProps extends PlaneTableProps {
  /** The last control plane of this page; null on the last page. */
  next: string | null;
  filter: PlaneFilter;
  /** What is wrong with the filter. */
  fault: FairwayError | null;
  /** A report that was refused, and why. */
  refused?: { name: string; version: string; error: FairwayError } | null;
  session: Session;
}

function ControlPlanesPage({ next, filter, fault, refused = null, session, ...table }: ListProps) {
  const { planes } = table;
  const isAll = Object.keys(filter).length === 0;
  return (
    <>
      <h1>Control planes</h1>
      <section class="panel">
        {(planes.length > 0 || !isAll) && <PlaneFilterForm filter={filter} />}
        {fault && <Fault error={fault} />}
        {planes.length > 0 && <PlaneTable {...table} />}
        {planes.length === 0 && !fault && (
          <p class="muted empty">
            {isAll
              ? 'No control plane has been reported yet. Agents must not run ahead of the control plane that their channel names.'
              : 'No control plane matches. Change the filter.'}
          </p>
        )}
      </section>
      <NextPage path="/control-planes" query={filter} next={next} />
      {may(session.actor, 'put-control-plane') && (
        <section class="panel">
          <h2>Report a version</h2>
          {refused && <Fault error={refused.error} />}
          <form method="post" action="/control-planes" class="inline">
            <CsrfField session={session} />
            <Field label="Name" name="name" value={refused?.name} required maxlength={64} />
            <Field label="Runs version" name="version" value={refused?.version} required maxlength={100} />
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

interface ControlPlanePageProps {
  plane: ControlPlaneView;
  channels: string[];
  /** The version that is checked, as it was typed. */
  version: string;
  report: ControlPlaneReport | null;
  /** What is wrong with the typed version. */
  fault: FairwayError | null;
  session: Session;
  now: Date;
}

function ControlPlanePage({ plane, channels, version, report, fault, session, now }: ControlPlanePageProps) {
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
        <FailingSource plane={plane} now={now} />
      </div>
      <section class="panel hero">
        <div>
          <span class="target">{maybeVersion(plane.lowest)}</span>
          {plane.highest !== plane.lowest && (
            <p>
              This is the lowest version that it runs; the highest is <Version version={plane.highest} />. Both are
              checked.
            </p>
          )}
          <p class="muted">
            agents connect through <ChannelLinks names={channels} all={followersPath(plane.name)} />; its versions
            changed <Moment at={plane.changedAt} now={now} />
          </p>
          {plane.class !== null && (
            <p class="muted">
              class <PlaneClass plane={plane} />
            </p>
          )}
          {(plane.wanted || plane.waits) && (
            <p>
              should run <PlaneWish plane={plane} now={now} /> <PlaneStanding plane={plane} cutOff={[]} />
            </p>
          )}
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
          <Field label="Version" name="version" value={version} required maxlength={100} />
          <button type="submit" class="primary">
            Check
          </button>
        </form>
        {fault && <Fault error={fault} />}
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
            {versions.map((version, index) => (
              <>
                {index > 0 && ', '}
                <Version version={version} />
              </>
            ))}
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
          Fairway forgets that {plane.name} runs <PlaneVersion plane={plane} />. The control plane itself is not
          touched.
        </p>
        {fault ? (
          <>
            <h2>{outcomeTitle(fault, attempted)}</h2>
            <Fault error={fault} />
            {channels.length > 0 && (
              <p>
                Channels that name it: <ChannelLinks names={channels} all={followersPath(plane.name)} />
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
export function controlPlanePages({ controlPlanes, fleet, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  const { channelsOf } = controlPlanes;

  /** The page of the list that the query asks for. */
  async function readList(query: Record<string, string>, actor: Actor) {
    const { limit = ROWS, after, cursor: _, behind, ...filter } = validated(schemas.ControlPlaneQuery, query);
    const isBehind = behind === undefined ? undefined : behind === 'true';
    return controlPlanes.page({ after, limit }, { ...filter, behind: isBehind }, actor);
  }

  async function list(c: PageContext, refused: ListProps['refused'] = null) {
    const filter = readPlaneFilter(c.req.query());
    const after = c.req.query('after');
    const query = { ...filter, limit: String(ROWS), ...(after ? { after } : {}) };
    const [{ value: page, fault }, censuses] = await Promise.all([
      unlessInvalid(readList(query, c.get('actor'))),
      unlessAway(fleet.censuses()),
    ]);
    const error = refused?.error ?? fault;
    return renderPage(
      c,
      { title: 'Control planes', section: 'control-planes', status: error ? STATUS[error.code] : 200 },
      <ControlPlanesPage
        {...{ channelsOf, filter, fault, refused }}
        planes={page?.items ?? []}
        next={page?.next ?? null}
        cutOff={channelsCutOff(censuses)}
        session={c.get('session')}
        now={now()}
      />,
    );
  }

  app.get('/control-planes', (c) => list(c));
  app.get('/control-planes/:name', async (c) => {
    const plane = controlPlanes.read(c.req.param('name'));
    const version = c.req.query('version')?.trim() ?? '';
    const checked =
      version === '' ? null : await unlessInvalid(controlPlanes.check(plane.name, version, c.get('actor')));
    return renderPage(
      c,
      {
        title: `Control plane ${plane.name}`,
        section: 'control-planes',
        status: checked?.fault ? STATUS[checked.fault.code] : 200,
      },
      <ControlPlanePage
        {...{ plane, version }}
        channels={channelsOf(plane.name)}
        report={checked?.value ?? null}
        fault={checked?.fault ?? null}
        session={c.get('session')}
        now={now()}
      />,
    );
  });
  async function report(text: string, typed: string, actor: Actor): Promise<void> {
    const name = validated(schemas.ControlPlaneName, text);
    const { version = '' } = validated(schemas.PutControlPlane, { version: typed });
    await controlPlanes.report(name, version, { actor, ifMatch: null, dryRun: false });
  }

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
    const { name = '', version = '' } = await readTexts(c);
    const { fault } = await unlessInvalid(report(name.trim(), version.trim(), actor));
    if (fault) return list(c, { name, version, error: fault });
    return c.redirect(planePath(name.trim()), 303);
  });
  return app;
}
