import { Hono } from 'hono';
import type { Release } from '../../domain/release.ts';
import { requireVersion } from '../../domain/version.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Scroll } from '../parts/scroll.tsx';
import { channelPath, count } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

interface CatalogueProps {
  releases: Release[];
  /** Channels by the version that they serve. */
  servedBy: (version: string) => string[];
}

function Catalogue({ releases, servedBy }: CatalogueProps) {
  return (
    <Scroll label="Releases">
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Date</th>
            <th scope="col">Kind</th>
            <th scope="col">Packages</th>
            <th scope="col">Marks</th>
            <th scope="col">Served by</th>
          </tr>
        </thead>
        <tbody>
          {releases.map((release) => (
            <tr>
              <td>
                <code>{release.version}</code>
              </td>
              <td class="nowrap">{release.cutAt?.slice(0, 10) ?? <span class="muted">unknown</span>}</td>
              <td>{requireVersion(release.version).kind}</td>
              <td>{release.artifacts.packages.state}</td>
              <td>
                <ReleaseMarks release={release} />
              </td>
              <td>
                {servedBy(release.version).map((name) => (
                  <a href={channelPath(name)}>{name}</a>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const ReleaseMarks = ({ release: { security, embargoed, pulled } }: { release: Release }) => (
  <>
    {security && <span class="mark">security</span>}
    {embargoed && <span class="mark warn">embargoed</span>}
    {pulled && (
      <span class="mark bad" title={`by ${pulled.by}: ${pulled.reason}`}>
        pulled
      </span>
    )}
  </>
);

function Majors({
  majors,
  chosen,
  supported,
}: {
  majors: number[];
  chosen: number | undefined;
  supported: number | null;
}) {
  return (
    <nav class="tabs" aria-label="Majors">
      {majors.map((major) => (
        <a href={`/releases?major=${major}`} aria-current={major === chosen ? 'page' : undefined}>
          {major}
          {supported !== null && major >= supported && <small> supported</small>}
        </a>
      ))}
    </nav>
  );
}

const NothingKnown = () => (
  <section class="panel empty">
    <h2>The catalogue is empty</h2>
    <p>
      The gate finds routes across majors in it, and tells which agents are out of support. Take over a release history:
    </p>
    <pre>fairway releases import releases.json</pre>
  </section>
);

/** `/releases`: the catalogue, a major at a time. */
export function releasePages({ releases, channels }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/releases', (c) => {
    const all = releases.list(c.get('actor'));
    const majors = [...new Set(all.map(({ version }) => requireVersion(version).major))];
    const asked = Number(c.req.query('major') ?? Number.NaN);
    const chosen = majors.includes(asked) ? asked : majors[0];
    const shown = all.filter(({ version }) => requireVersion(version).major === chosen);
    const servedBy = (version: string) =>
      channels.list().flatMap(({ name, target }) => (target === version ? [name] : []));
    return renderPage(
      c,
      { title: 'Releases', section: 'releases', live: true },
      <>
        <div class="heading">
          <h1>Releases</h1>
          <p class="muted">{count(all.length, 'release')} in the catalogue</p>
        </div>
        {all.length === 0 ? (
          <NothingKnown />
        ) : (
          <section class="panel">
            <Majors majors={majors} chosen={chosen} supported={releases.support(c.get('actor')).oldest} />
            <Catalogue releases={shown} servedBy={servedBy} />
          </section>
        )}
      </>,
    );
  });
  return app;
}
