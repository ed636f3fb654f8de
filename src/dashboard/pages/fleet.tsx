import { Hono } from 'hono';
import { nameOf, pageOrFirst } from '../../domain/page.ts';
import { may, roleFor } from '../../domain/role.ts';
import { isWaiting } from '../../domain/schedule.ts';
import { channelKey } from '../../domain/snapshot.ts';
import { groupTroubles, type Trouble } from '../../domain/status.ts';
import { count, number } from '../../domain/words.ts';
import type { Status } from '../../service/status.ts';
import { unlessAway } from '../away.ts';
import { type FleetFilter, filterChannels, filterQuery, isFiltered, readFilter } from '../fleet-filter.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { type FleetRow, FleetTable } from '../parts/fleet-table.tsx';
import { Choice, Field } from '../parts/form.tsx';
import { NextPage, ROWS } from '../parts/next-page.tsx';
import { TroubleStrip } from '../parts/trouble-strip.tsx';
import { renderPage } from '../render.tsx';

/** How many entries are searched for the last one of each channel; without one, a row shows the channel's own stamp. */
const LATEST = 200;

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

function Summary({ channels, censuses }: { channels: number; censuses: Status['censuses'] }) {
  const agents = censuses && [...censuses.values()].reduce((sum, census) => sum + census.agents, 0);
  return (
    <p class="muted">
      {count(channels, 'channel')}
      {agents !== null && `, ${count(agents, 'agent')}`}
    </p>
  );
}

function FilterForm({ filter, troubles }: { filter: FleetFilter; troubles: Trouble[] }) {
  const kinds = groupTroubles(troubles)
    .filter(({ troubles: [first] }) => first?.channel)
    .map(({ kind, headline }): [string, string] => [kind, headline]);
  const isGone = filter.show !== '' && filter.show !== 'trouble' && !kinds.some(([kind]) => kind === filter.show);
  return (
    <form method="get" action="/" class="inline filter">
      <Field label="Search" name="q" type="search" value={filter.q} maxlength={200} placeholder="name, version, …" />
      <Choice
        label="Show"
        name="show"
        value={filter.show}
        options={[
          ['', 'all channels'],
          ['trouble', 'channels that need a look'],
          ...kinds,
          ...(isGone ? [[filter.show, 'what is over now'] as [string, string]] : []),
        ]}
      />
      <Choice
        label="Sort by"
        name="sort"
        value={filter.sort}
        options={[
          ['trouble', 'trouble'],
          ['name', 'name'],
          ['agents', 'agents'],
        ]}
      />
      <button type="submit">Filter channels</button>
      {isFiltered(filter) && (
        <a class="button quiet" href="/">
          Show all
        </a>
      )}
    </form>
  );
}

interface FleetProps {
  /** Those of this page. */
  rows: FleetRow[];
  /** The last channel of this page; null on the last page. */
  next: string | null;
  /** How many channels the filter lets through. */
  found: number;
  /** How many channels there are in all. */
  total: number;
  filter: FleetFilter;
  troubles: Trouble[];
  now: Date;
}

const Fleet = ({ rows, next, found, total, filter, troubles, now }: FleetProps) => (
  <>
    <TroubleStrip troubles={troubles} />
    <section class="panel">
      <FilterForm filter={filter} troubles={troubles} />
      {isFiltered(filter) && (
        <p class="muted" role="status">
          {found} of {count(total, 'channel')}
        </p>
      )}
      {rows.length > 0 ? (
        <FleetTable rows={rows} now={now} />
      ) : (
        <p class="muted empty">No channel matches. Search for a part of a name, a version or a control plane.</p>
      )}
    </section>
    <NextPage path="/" query={filterQuery(filter)} next={next} />
  </>
);

/** `/`: what is wrong, and the channels. */
export function fleetPage({ audit, channels, state, status }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/', async (c) => {
    const actor = c.get('actor');
    const filter = readFilter(c.req.query());
    const [{ troubles, censuses }, entries] = await Promise.all([
      status.read(actor),
      unlessAway(audit.list({ limit: LATEST }, actor)),
    ]);
    const snapshot = state.peek();
    const list = snapshot ? channels.list() : [];
    const found = filterChannels(list, filter, troubles, censuses);
    const page = pageOrFirst(found, nameOf, { after: c.req.query('after'), limit: ROWS });
    const rows = page.items.map((channel) => ({
      channel,
      controlPlane: snapshot?.controlPlanes.get(channel.controlPlane ?? ''),
      census: censuses?.get(channel.name) ?? null,
      latest: entries?.find(({ subject }) => subject === channelKey(channel.name)),
    }));
    const waiting = list.reduce((sum, { scheduled = [] }) => sum + scheduled.filter(isWaiting).length, 0);
    const mayCreate = may(actor, 'put-channel');
    return renderPage(
      c,
      { title: 'Fleet', section: 'fleet', live: true },
      <>
        <div class="heading">
          <h1>Fleet</h1>
          <Summary channels={list.length} censuses={censuses} />
          <a class="button quiet" href="/freezes">
            Freezes
          </a>
          <a class="button quiet" href="/scheduled">
            {waiting > 0 ? `Scheduled (${number(waiting)})` : 'Scheduled'}
          </a>
          {mayCreate && list.length > 0 && (
            <a class="button" href="/new-channel">
              Create a channel
            </a>
          )}
        </div>
        {list.length === 0 && snapshot && <NoChannels mayCreate={mayCreate} />}
        {list.length > 0 && (
          <Fleet
            {...{ rows, filter, troubles }}
            next={page.next}
            found={found.length}
            total={list.length}
            now={c.get('frame').now}
          />
        )}
      </>,
    );
  });
  return app;
}
