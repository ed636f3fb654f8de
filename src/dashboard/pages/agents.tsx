import { Hono } from 'hono';
import type { Channel } from '../../domain/channel.ts';
import { requireVersion } from '../../domain/version.ts';
import type { AgentView, Explanation } from '../../service/explain.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { type StandingOf, Swatch, standingsOf } from '../parts/bar.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { Field } from '../parts/form.tsx';
import { Moment } from '../parts/moment.tsx';
import { Table } from '../parts/table.tsx';
import { channelPath, STANDING_WORDS } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

const PAGE = 50;

interface Filter {
  version: string;
  olderThan: string;
  group: string;
}

interface AgentsPageProps {
  channel: Channel;
  filter: Filter;
  agents: AgentView[];
  /** Where the next page begins; null on the last. */
  cursor: string | null;
  standingOf: StandingOf;
  now: Date;
}

function AgentsPage({ channel, filter, agents, cursor, standingOf, now }: AgentsPageProps) {
  const path = channelPath(channel.name, '/agents');
  const filtered = Object.values(filter).some((value) => value !== '');
  return (
    <>
      <Crumbs channel={channel.name} />
      <h1>Agents</h1>
      <section class="panel">
        <form method="get" action={path} class="inline">
          <Field label="Version" name="version" value={filter.version} maxlength={100} />
          <Field label="Older than" name="olderThan" value={filter.olderThan} maxlength={100} />
          <Field label="Group" name="group" value={filter.group} maxlength={64} />
          <button type="submit">Filter agents</button>
          {filtered && (
            <a class="button quiet" href={path}>
              Show all
            </a>
          )}
        </form>
        {agents.length > 0 && <AgentTable agents={agents} standingOf={standingOf} now={now} />}
        {agents.length === 0 && cursor === null && <NoAgents filtered={filtered} />}
      </section>
      {cursor && (
        <p class="actions">
          <a class="button" href={`${path}?${new URLSearchParams({ ...filter, cursor })}`}>
            Next page
          </a>
        </p>
      )}
    </>
  );
}

const NoAgents = ({ filtered }: { filtered: boolean }) => (
  <p class="muted empty">
    {filtered
      ? 'No agent with an id matches. Agents that are only presumed, or counted by metrics, have no id.'
      : 'No agent is known by its id yet. Agents appear when they check in, or when you import an inventory.'}
  </p>
);

function AgentTable({ agents, standingOf, now }: Pick<AgentsPageProps, 'agents' | 'standingOf' | 'now'>) {
  return (
    <Table label="Agents" columns={['Agent', 'Version', 'Standing', 'Updater', 'Group', 'Last seen']}>
      {agents.map((agent) => {
        const standing = standingOf(agent.version);
        return (
          <tr>
            <td>
              <a class="id" href={`/agents/${encodeURIComponent(agent.id)}`}>
                {agent.id}
              </a>
            </td>
            <td>
              <code>{agent.version}</code>
            </td>
            <td class="nowrap">
              <Swatch standing={standing ?? 'unmoved'} /> {standing ? STANDING_WORDS[standing] : 'no target'}
            </td>
            <td>{agent.updater ?? <span class="muted">unknown</span>}</td>
            <td>{agent.group ?? <span class="muted">none</span>}</td>
            <td class="nowrap">
              <Moment at={agent.lastSeen} now={now} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function AgentPage({ explanation, now }: { explanation: Explanation; now: Date }) {
  const { agent, channel, told, because } = explanation;
  return (
    <>
      <Crumbs channel={channel} />
      <h1 class="id">{agent.id}</h1>
      <div class="columns">
        <section class="panel">
          <h2>Served version</h2>
          <p class="because">{because}.</p>
          <dl class="pairs">
            <dt>Version</dt>
            <dd>
              <code>{told ? told.version : '404'}</code>
            </dd>
            <dt>Critical</dt>
            <dd>
              <code>{told ? told.critical : '404'}</code>
            </dd>
            <dt>Runs</dt>
            <dd>
              <code>{agent.version}</code>
            </dd>
            <dt>Revision</dt>
            <dd>{explanation.revision ?? 'none'}</dd>
          </dl>
        </section>
        <section class="panel">
          <h2>Reported by</h2>
          <Table label="Agents" columns={['Source', 'Channel', 'Version', 'Updater', 'Seen']}>
            {agent.sources.map(({ source, channel, version, updater, updaterVersion, at }) => (
              <tr>
                <td>{source}</td>
                <td>{channel}</td>
                <td>
                  <code>{version}</code>
                </td>
                <td>
                  {updater ?? <span class="muted">unknown</span>} {updaterVersion}
                </td>
                <td class="nowrap">
                  <Moment at={at} now={now} />
                </td>
              </tr>
            ))}
          </Table>
        </section>
      </div>
    </>
  );
}

/** The canonical form of a version that a person typed. Throws `invalid`. */
const canonical = (text: string): string | undefined => (text === '' ? undefined : requireVersion(text).text);

/** `/channels/NAME/agents` and `/agents/ID`. */
export function agentPages({ channels, fleet, state, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/:channel/agents', async (c) => {
    const channel = channels.read(c.req.param('channel'));
    const { version = '', olderThan = '', group = '', cursor } = c.req.query();
    const page = await fleet.agents({
      channel: channel.name,
      version: canonical(version.trim()),
      olderThan: canonical(olderThan.trim()),
      group: group.trim() || undefined,
      limit: PAGE,
      cursor: cursor?.slice(0, 200),
    });
    return renderPage(
      c,
      { title: `Agents of ${channel.name}`, section: 'fleet' },
      <AgentsPage
        channel={channel}
        filter={{ version, olderThan, group }}
        agents={page.agents}
        cursor={page.cursor}
        standingOf={standingsOf(channel.target, state.peek()?.releases)}
        now={now()}
      />,
    );
  });
  app.get('/agents/:id', async (c) => {
    const explanation = await fleet.explain(c.req.param('id').slice(0, 128));
    return renderPage(
      c,
      { title: `Agent ${explanation.agent.id}`, section: 'fleet', live: true },
      <AgentPage explanation={explanation} now={now()} />,
    );
  });
  return app;
}
