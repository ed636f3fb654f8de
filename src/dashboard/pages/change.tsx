import { Hono } from 'hono';
import { FairwayError } from '../../domain/errors.ts';
import { who } from '../../domain/words.ts';
import type { ChangeView } from '../../service/changes.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Moment } from '../parts/moment.tsx';
import { SignedOff } from '../parts/release-changes.tsx';
import { Table } from '../parts/table.tsx';
import { channelPath, releasePath } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

const Since = ({ at, now }: { at: string | null; now: Date }) => (at ? <Moment at={at} now={now} /> : <>–</>);

function Releases({ change: { pr, significant, releases }, now }: { change: ChangeView; now: Date }) {
  return (
    <Table label={`Releases that list #${pr}`} columns={['Release', 'Cut', 'Signed off', 'Pulled']}>
      {releases.map(({ version, cutAt, signedOff, pulled }) => (
        <tr>
          <td>
            <a href={releasePath(version)}>{version}</a>
          </td>
          <td>
            <Since at={cutAt} now={now} />
          </td>
          <td>
            <SignedOff signedOff={signedOff} significant={significant} now={now} />
          </td>
          <td>{pulled ? `${who(pulled.by)}: ${pulled.reason}` : '–'}</td>
        </tr>
      ))}
    </Table>
  );
}

const Stages = ({ change: { pr, stages }, now }: { change: ChangeView; now: Date }) => (
  <Table label={`Stages of #${pr}`} columns={['Stage', 'State', 'Release', 'Since']}>
    {stages.map(({ stage, state, release, since }) => (
      <tr>
        <td>{stage}</td>
        <td>{state}</td>
        <td>{release ? <a href={releasePath(release)}>{release}</a> : '–'}</td>
        <td>
          <Since at={since} now={now} />
        </td>
      </tr>
    ))}
  </Table>
);

function Runs({ change: { channels, tenants }, now }: { change: ChangeView; now: Date }) {
  return (
    <section class="panel">
      <h2>Runs now</h2>
      <p>
        {channels.total} channels serve it, and {tenants.total} of {tenants.of} control planes run it.
      </p>
      <ul class="changes">
        {channels.first.map(({ channel, target, since }) => (
          <li>
            <a href={channelPath(channel)}>{channel}</a>: {target} <Since at={since} now={now} />
          </li>
        ))}
        {tenants.first.map(({ controlPlane, version, since }) => (
          <li>
            control plane {controlPlane}: {version} <Since at={since} now={now} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** `/changes/PR`: where a change is, for the people who made it. */
export function changePage({ changes }: Pick<DashboardServices, 'changes'>) {
  const app = new Hono<DashboardEnv>();
  app.get('/changes/:pr', async (c) => {
    const text = c.req.param('pr');
    if (!/^\d{1,9}$/.test(text)) {
      throw new FairwayError('not_found', `${text} is not the number of a pull request; open /changes/4711`);
    }
    const change = await changes.read(Number(text), c.get('actor'));
    const { now } = c.get('frame');
    const { pr, title, author, significant, next } = change;
    return renderPage(
      c,
      { title: `#${pr}`, section: 'releases' },
      <>
        <h1>
          #{pr} {title} {significant && <span class="mark still">significant</span>}
        </h1>
        <p>
          {author ? `By ${author}. ` : ''}Next: {next}
        </p>
        <Releases change={change} now={now} />
        <Stages change={change} now={now} />
        <Runs change={change} now={now} />
      </>,
    );
  });
  return app;
}
