import { Hono } from 'hono';
import type { StagePlace } from '../../service/promotion-view.ts';
import type { StagePlaces } from '../../service/promotions.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { ReleaseCrumbs } from '../parts/crumbs.tsx';
import { ROWS } from '../parts/next-page.tsx';
import { Table } from '../parts/table.tsx';
import { channelPath, planePath, releasePath } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

function StagePage({ version, stage: { stage, places, cursor } }: { version: string; stage: StagePlaces }) {
  return (
    <>
      <ReleaseCrumbs version={version} />
      <h1>
        Stage {stage} of {version}
      </h1>
      <section class="panel">
        {places.length === 0 ? (
          <p class="muted empty">The stage has no control planes and no channels.</p>
        ) : (
          <Table label={`Control planes and channels of ${stage}`} columns={['Name', 'Version', 'Waits for']}>
            {places.map((place) => (
              <Place place={place} />
            ))}
          </Table>
        )}
      </section>
      {cursor && (
        <p class="actions">
          <a class="button" href={`${releasePath(version, `/stages/${encodeURIComponent(stage)}`)}?cursor=${cursor}`}>
            Next page
          </a>
        </p>
      )}
    </>
  );
}

function Place({ place }: { place: StagePlace }) {
  const [kind, name, path, runs] =
    'channel' in place
      ? ['channel', place.channel, channelPath(place.channel), place.target]
      : ['control plane', place.controlPlane, planePath(place.controlPlane), place.version];
  return (
    <tr>
      <td>
        <span class="muted">{kind}</span> <a href={path}>{name}</a>
      </td>
      <td>
        <code>{runs ?? 'none'}</code>
      </td>
      <td>{place.waits ?? <span class="muted">nothing</span>}</td>
    </tr>
  );
}

/** `/releases/VERSION/stages/STAGE`: all control planes and channels of a stage. */
export function stagePage({ promotions }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/releases/:version/stages/:stage', async (c) => {
    const { version, stage } = c.req.param();
    const cursor = c.req.query('cursor');
    const page = cursor === undefined ? { limit: ROWS } : { limit: ROWS, cursor };
    const places = await promotions.places(version, stage, page, c.get('actor'));
    return renderPage(
      c,
      { title: `Stage ${stage} of ${version}`, section: 'releases' },
      <StagePage version={version} stage={places} />,
    );
  });
  return app;
}
