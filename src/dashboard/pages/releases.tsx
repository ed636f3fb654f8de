import { Hono } from 'hono';
import { pageOrFirst } from '../../domain/page.ts';
import type { Release } from '../../domain/release.ts';
import { type Actor, may } from '../../domain/role.ts';
import { requireVersion } from '../../domain/version.ts';
import { count } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { PromotionView } from '../../service/promotions.ts';
import { unlessAway } from '../away.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { ChannelLinks } from '../parts/channel-links.tsx';
import { NextPage, ROWS } from '../parts/next-page.tsx';
import { ReleaseChanges } from '../parts/release-changes.tsx';
import { Next } from '../parts/release-outcome.tsx';
import { ReleaseMarks } from '../parts/release-state.tsx';
import { byChannel, Stages } from '../parts/stages.tsx';
import { Table } from '../parts/table.tsx';
import { Version } from '../parts/version.tsx';
import { releasePath } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

interface CatalogueProps {
  releases: Release[];
  /** The channels that serve a version. */
  servedBy: (version: string) => string[];
}

function Catalogue({ releases, servedBy }: CatalogueProps) {
  return (
    <Table label="Releases" columns={['Version', 'Date', 'Kind', 'Packages', 'Marks', 'Served by']}>
      {releases.map((release) => (
        <tr>
          <td>
            <a href={releasePath(release.version)}>
              <Version version={release.version} linked />
            </a>
          </td>
          <td class="nowrap">{release.cutAt?.slice(0, 10) ?? <span class="muted">unknown</span>}</td>
          <td>{requireVersion(release.version).kind}</td>
          <td>{release.artifacts.packages.state}</td>
          <td>
            <ReleaseMarks release={release} />
          </td>
          <td>
            <ChannelLinks names={servedBy(release.version)} all={`/?q=${encodeURIComponent(release.version)}`} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

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
    <p>The gate uses it to find routes across majors and agents that are out of support. Import a release history:</p>
    <pre>fairway releases import releases.json</pre>
  </section>
);

interface PromotionProps {
  release: Release;
  promotion: PromotionView;
  censuses: readonly Census[] | null;
  actor: Actor;
  now: Date;
}

function PromotionPanel({ release, promotion, censuses, actor, now }: PromotionProps) {
  const { version } = release;
  const changes = release.changes.filter(({ significant }) => significant);
  return (
    <section class="panel" id={`promotion-${version}`}>
      <div class="heading">
        <h2>
          <a href={releasePath(version)}>
            <Version version={version} linked />
          </a>
        </h2>
        <ReleaseMarks release={release} />
      </div>
      <Next next={promotion.next} />
      <Stages {...{ promotion, now }} brief censuses={byChannel(censuses)} mayApprove={may(actor, 'approve')} />
      {changes.length > 0 && <ReleaseChanges {...{ version, changes, now }} maySignOff={may(actor, 'sign-off')} />}
    </section>
  );
}

/** How many promotions are shown; a release a day makes more of them than people steer. */
const MAX_PROMOTIONS = 10;

/** `/releases`: the running promotions, and the catalogue, one major at a time. */
export function releasePages({ releases, promotions, channels, fleet, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/releases', async (c) => {
    const actor = c.get('actor');
    const all = releases.list(actor);
    const [running, censuses] = await Promise.all([
      unlessAway(promotions.running(actor, MAX_PROMOTIONS)),
      unlessAway(fleet.censuses()),
    ]);
    const majors = [...new Set(all.map(({ version }) => requireVersion(version).major))];
    const asked = Number(c.req.query('major') ?? Number.NaN);
    const chosen = majors.includes(asked) ? asked : majors[0];
    const shown = all.filter(({ version }) => requireVersion(version).major === chosen);
    const page = pageOrFirst(shown, ({ version }) => version, { after: c.req.query('after'), limit: ROWS });
    const serving = new Map(page.items.map(({ version }): [string, string[]] => [version, []]));
    for (const { name, target } of channels.list()) serving.get(target ?? '')?.push(name);
    const servedBy = (version: string) => serving.get(version) ?? [];
    return renderPage(
      c,
      { title: 'Releases', section: 'releases', live: true },
      <>
        <div class="heading">
          <h1>Releases</h1>
          <p class="muted">
            {count(all.length, 'release')} in the catalogue; <a href="/promotions">all promotions</a>
          </p>
        </div>
        {running?.promotions.map((promotion) => (
          <PromotionPanel
            {...{ promotion, censuses, actor }}
            release={releases.read(promotion.version, actor)}
            now={now()}
          />
        ))}
        {running && running.total > running.promotions.length && (
          <p class="muted">
            {count(running.total - running.promotions.length, 'older promotion')} may still be running; see{' '}
            <a href="/promotions">all promotions</a>.
          </p>
        )}
        {running === null && <p class="muted">Running promotions are unknown while the store is away.</p>}
        {all.length === 0 ? (
          <NothingKnown />
        ) : (
          <section class="panel">
            <Majors majors={majors} chosen={chosen} supported={releases.support(actor).oldest} />
            <Catalogue releases={page.items} servedBy={servedBy} />
            <NextPage path="/releases" query={chosen === undefined ? {} : { major: String(chosen) }} next={page.next} />
          </section>
        )}
      </>,
    );
  });
  return app;
}
