import { Hono } from 'hono';
import type { AuditEntry } from '../../domain/audit.ts';
import type { Channel } from '../../domain/channel.ts';
import { may, roleFor } from '../../domain/role.ts';
import { channelKey, type Stored } from '../../domain/snapshot.ts';
import { count, number, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import { unlessAway } from '../away.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Bar, Legend, sharesOf } from '../parts/bar.tsx';
import { freshness } from '../parts/evidence-words.ts';
import { Moment } from '../parts/moment.tsx';
import { describePlane } from '../parts/plane.ts';
import { MarkDetail, Marks, Target } from '../parts/state.tsx';
import { actionWords, channelPath, percent } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

/**
 * How many entries are searched for the last one of each channel; without one, a card shows the channel's own stamp.
 */
const LATEST = 200;

interface CardProps {
  channel: Stored<Channel>;
  /** What the channel's control plane runs. */
  controlPlane: string | null;
  /** Null while the store is away. */
  census: Census | null;
  latest: AuditEntry | undefined;
  now: Date;
}

function Card({ channel, controlPlane, census, latest, now }: CardProps) {
  const shares = census ? sharesOf(census) : [];
  return (
    <article class="card" id={`channel-${channel.name}`}>
      <header>
        <h2>
          <a href={channelPath(channel.name)}>{channel.name}</a>
        </h2>
        <Marks channel={channel} census={census} />
      </header>
      <p class="headline">
        <Target target={channel.target} />
        <span class="muted">
          {channel.controlPlane
            ? `control plane ${channel.controlPlane} ${controlPlane ?? 'not reported'}`
            : 'no control plane'}
        </span>
      </p>
      <Bar shares={shares} />
      {census ? <Legend shares={shares} /> : <p class="legend muted">agents are unknown while the store is away</p>}
      <Figures census={census} />
      <MarkDetail name="Pinned" mark={channel.pin} now={now} />
      <MarkDetail name="Held" mark={channel.hold} now={now} />
      <MarkDetail name="Critical" mark={channel.critical} now={now} />
      <footer class="muted">
        {latest ? (
          <>
            {actionWords(latest)} by {who(latest.actor)} <Moment at={latest.at} now={now} />
            {latest.reason && <>: {latest.reason}</>}
          </>
        ) : (
          <>
            changed by {who(channel.updatedBy)} <Moment at={channel.updatedAt} now={now} />
          </>
        )}
      </footer>
    </article>
  );
}

function Figures({ census }: { census: Census | null }) {
  const evidence = census && freshness(census);
  return (
    <dl class="figures">
      <div>
        <dt>Agents</dt>
        <dd>{census ? number(census.agents) : '–'}</dd>
      </div>
      <div>
        <dt>Converged</dt>
        <dd>{census?.distance ? percent(census.distance.atTarget, census.agents) : '–'}</dd>
      </div>
      <div>
        <dt>Oldest</dt>
        <dd>
          {census?.oldest?.version ?? '–'}
          <small>{census?.oldest ? count(census.oldest.count, 'agent') : ''}</small>
        </dd>
      </div>
      <div>
        <dt>Evidence</dt>
        <dd>
          {evidence?.basis ?? '–'}
          <small>{evidence?.age}</small>
        </dd>
      </div>
    </dl>
  );
}

function NoChannels({ mayCreate }: { mayCreate: boolean }) {
  return (
    <section class="panel empty">
      <h2>No channels yet</h2>
      <p>A channel tells a group of agents which version to run. Agents poll it on the public listener.</p>
      {mayCreate ? (
        <p class="actions">
          <a class="button primary" href="/new-channel">
            Create the first channel
          </a>
        </p>
      ) : (
        <p>Ask a colleague with the role {roleFor('put-channel')} to create one.</p>
      )}
    </section>
  );
}

function Summary({ channels, censuses }: { channels: number; censuses: readonly Census[] | null }) {
  const agents = censuses?.reduce((sum, census) => sum + census.agents, 0);
  return (
    <p class="muted">
      {count(channels, 'channel')}
      {agents !== undefined && `, ${count(agents, 'agent')}`}
    </p>
  );
}

/** `/`: a card for each channel. */
export function fleetPage({ channels, fleet, audit, state }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/', async (c) => {
    const frame = c.get('frame');
    const snapshot = state.peek();
    const list = snapshot ? channels.list() : [];
    const [censuses, entries] = await Promise.all([
      unlessAway(fleet.censuses()),
      unlessAway(audit.list({ limit: LATEST }, c.get('actor'))),
    ]);
    const mayCreate = may(c.get('actor'), 'put-channel');
    return renderPage(
      c,
      { title: 'Fleet', section: 'fleet', live: true },
      <>
        <div class="heading">
          <h1>Fleet</h1>
          <Summary channels={list.length} censuses={censuses} />
          {mayCreate && list.length > 0 && (
            <a class="button" href="/new-channel">
              Create a channel
            </a>
          )}
        </div>
        {list.length === 0 && snapshot && <NoChannels mayCreate={mayCreate} />}
        <div class="cards">
          {list.map((channel) => (
            <Card
              channel={channel}
              controlPlane={describePlane(snapshot?.controlPlanes.get(channel.controlPlane ?? ''))}
              census={censuses?.find((census) => census.channel === channel.name) ?? null}
              latest={entries?.find(({ subject }) => subject === channelKey(channel.name))}
              now={frame.now}
            />
          ))}
        </div>
      </>,
    );
  });
  return app;
}
