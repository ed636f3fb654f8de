import { Hono } from 'hono';
import { AGENT_MARKS, type AgentMark } from '../../domain/agent.ts';
import { readAgentVersion, UNREADABLE } from '../../domain/agent-version.ts';
import type { Channel } from '../../domain/channel.ts';
import type { FairwayError } from '../../domain/errors.ts';
import { requireVersion } from '../../domain/version.ts';
import { clock } from '../../domain/words.ts';
import { STATUS } from '../../http/errors.ts';
import type { AgentView, Explanation } from '../../service/explain.ts';
import { unlessInvalid } from '../away.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { type StandingOf, Swatch, standingsOf, standingWords } from '../parts/bar.tsx';
import { ChannelLinks } from '../parts/channel-links.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { Fault } from '../parts/fault.tsx';
import { Choice, Field, Hidden } from '../parts/form.tsx';
import { Moment } from '../parts/moment.tsx';
import { isStranded } from '../parts/stranding.tsx';
import { Table } from '../parts/table.tsx';
import { Version } from '../parts/version.tsx';
import { channelPath, SOURCE_WORDS } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

const PAGE = 50;

interface Filter {
  version: string;
  olderThan: string;
  group: string;
  host: string;
  mark: string;
  /** `false`: only agents without an enrolment token. */
  enrolled: string;
}

interface AgentsPageProps {
  channel: Channel;
  filter: Filter;
  agents: AgentView[];
  /** What is wrong with the filter. */
  fault: FairwayError | null;
  /** Where the next page begins; null on the last. */
  cursor: string | null;
  standingOf: StandingOf;
  now: Date;
}

function AgentsPage({ channel, filter, agents, fault, cursor, standingOf, now }: AgentsPageProps) {
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
          <Field label="Host" name="host" value={filter.host} maxlength={253} />
          <Choice
            label="Mark"
            name="mark"
            value={filter.mark}
            options={[['', 'any'], ...AGENT_MARKS.map((mark): [string, string] => [mark, MARK_WORDS[mark]])]}
          />
          {filter.enrolled !== '' && <Hidden name="enrolled" value={filter.enrolled} />}
          <button type="submit">Filter agents</button>
          {filtered && (
            <a class="button quiet" href={path}>
              Show all
            </a>
          )}
        </form>
        {agents.length > 0 && <AgentTable {...{ channel, agents, standingOf, now }} />}
        {fault && <Fault error={fault} />}
        {agents.length === 0 && cursor === null && !fault && <NoAgents filtered={filtered} />}
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

type AgentTableProps = Pick<AgentsPageProps, 'channel' | 'agents' | 'standingOf' | 'now'>;

function AgentTable({ channel, agents, standingOf, now }: AgentTableProps) {
  return (
    <Table label="Agents" columns={['Agent', 'Marks', 'Version', 'Standing', 'Host', 'Updater', 'Group', 'Last seen']}>
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
              <AgentMarks agent={agent} target={channel.target} />
            </td>
            <td>
              <AgentVersion version={agent.version} />
            </td>
            <td class="nowrap">
              <Swatch standing={standing ?? 'unmoved'} /> {standingWords(agent.version, channel.target, standing)}
            </td>
            <td>{agent.host ?? <span class="muted">unknown</span>}</td>
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

const AgentVersion = ({ version }: { version: string }) =>
  version === UNREADABLE ? <span class="muted">unreadable</span> : <Version version={version} />;

/** What sets an agent apart; the updater's own state is named as such. */
function AgentMarks({ agent, target }: { agent: AgentView; target: string | null }) {
  const { version, contested, reverted, updaterState, expired, enrolled } = agent;
  const counts = enrolled && !expired;
  const bad = counts && isStranded(version, target) ? ['stranded'] : [];
  const warn: AgentMark[] = [
    ...(contested ? (['contested'] as const) : []),
    ...(reverted ? (['reverted'] as const) : []),
    ...(updaterState && updaterState !== 'ok' ? [updaterState] : []),
  ];
  const still = [...(expired ? ['expired'] : []), ...(enrolled ? [] : ['not enrolled'])];
  return (
    <>
      {bad.map((mark) => (
        <span class="mark bad">{mark}</span>
      ))}
      {warn.map((mark) => (
        <span class="mark warn">{MARK_WORDS[mark]}</span>
      ))}
      {still.map((mark) => (
        <span class="mark still">{mark}</span>
      ))}
    </>
  );
}

const MARK_WORDS: Record<AgentMark, string> = {
  contested: 'contested',
  reverted: 'reverted',
  expired: 'expired',
  pinned: 'updater pinned',
  disabled: 'updater disabled',
  unreadable: 'updater unreadable',
  failing: 'updater failing',
};

function AgentPage({ explanation, now }: { explanation: Explanation; now: Date }) {
  const { agent, channel, told, target, because } = explanation;
  return (
    <>
      <Crumbs channel={channel} />
      <div class="heading">
        <h1 class="id">{agent.id}</h1>
        <AgentMarks agent={agent} target={target} />
      </div>
      <div class="columns">
        <section class="panel">
          <h2>Served version</h2>
          <p class="because">{because}.</p>
          <dl class="pairs">
            <dt>Version</dt>
            <dd>{told ? <Version version={told.version} /> : 'nothing: its channel does not exist'}</dd>
            <dt>Critical</dt>
            <dd>{told ? told.critical : 'nothing'}</dd>
            <dt>Counts at</dt>
            <dd>
              <AgentVersion version={agent.version} />
            </dd>
            <AgentFacts agent={agent} now={now} />
            <dt>Revision</dt>
            <dd>{explanation.revision ?? 'none'}</dd>
          </dl>
        </section>
        <section class="panel">
          <h2>Reported by</h2>
          <Table label="Sources" columns={['Source', 'Channel', 'Version', 'Updater', 'Seen']}>
            {agent.sources.map(({ source, channel, version, updater, updaterVersion, updaterState, at }) => (
              <tr>
                <td>{SOURCE_WORDS[source]}</td>
                <td>{channel}</td>
                <td>
                  <AgentVersion version={version} />
                </td>
                <td>
                  {updater ?? <span class="muted">unknown</span>} {updaterVersion} {updaterState}
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

function AgentFacts({ agent, now }: { agent: AgentView; now: Date }) {
  const { host, channels, contested, reverted, updaterState, updaterError } = agent;
  return (
    <>
      <dt>Channels</dt>
      <dd>
        {channels.length === 0 ? (
          <span class="muted">none: it does not count</span>
        ) : (
          <ChannelLinks names={channels} all="/" />
        )}
      </dd>
      <dt>Host</dt>
      <dd>{host ?? <span class="muted">unknown</span>}</dd>
      <dt>Updater</dt>
      <dd>
        {updaterState ?? <span class="muted">does not report its state</span>}
        {updaterError !== undefined && ` (error ${updaterError})`}
      </dd>
      {contested && (
        <>
          <dt>Contested</dt>
          <dd>
            last at <Version version={contested.version} /> <Exactly at={contested.at} now={now} />
          </dd>
        </>
      )}
      {reverted && (
        <>
          <dt>Reverted</dt>
          <dd>
            last at <Version version={reverted.from} /> <Exactly at={reverted.was} now={now} />, lower since{' '}
            <Exactly at={reverted.at} now={now} />
          </dd>
        </>
      )}
    </>
  );
}

const Exactly = ({ at, now }: { at: string; now: Date }) => (
  <>
    {clock(at)} (<Moment at={at} now={now} />)
  </>
);

/** The canonical form of a version that a person typed. Throws `invalid`. */
const canonical = (text: string): string | undefined => (text === '' ? undefined : requireVersion(text).text);

/** A version as agents are counted: also with build metadata, a release line, or the sign of an unreadable one. */
function counted(text: string): string | undefined {
  if (text === UNREADABLE || /^\d+(\.\d+)?\.x$/.test(text)) return text;
  const version = readAgentVersion(text);
  return version === UNREADABLE ? canonical(text) : version;
}

const markOf = (text: string): AgentMark | undefined => AGENT_MARKS.find((mark) => mark === text);

/** `/channels/NAME/agents` and `/agents/ID`. */
export function agentPages({ channels, fleet, rollouts, state, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/:channel/agents', async (c) => {
    const channel = channels.read(c.req.param('channel'));
    const { version = '', olderThan = '', group = '', host = '', mark = '', enrolled = '', cursor } = c.req.query();
    const read = async () =>
      fleet.agents({
        channel: channel.name,
        version: counted(version.trim()),
        olderThan: canonical(olderThan.trim()),
        group: group.trim() || undefined,
        host: host.trim().slice(0, 253) || undefined,
        mark: markOf(mark),
        enrolled: enrolled === '' ? undefined : enrolled === 'true',
        limit: PAGE,
        cursor: cursor?.slice(0, 200),
      });
    const { value: page, fault } = await unlessInvalid(read());
    const snapshot = state.peek();
    const plane = snapshot?.controlPlanes.get(channel.controlPlane ?? '');
    return renderPage(
      c,
      {
        title: `Agents of ${channel.name}`,
        section: 'fleet',
        status: fault ? STATUS[fault.code] : 200,
      },
      <AgentsPage
        channel={channel}
        filter={{ version, olderThan, group, host, mark: markOf(mark) ?? '', enrolled }}
        agents={page?.agents ?? []}
        cursor={page?.cursor ?? null}
        fault={fault}
        standingOf={standingsOf(channel.target, snapshot?.releases, plane)}
        now={now()}
      />,
    );
  });
  app.get('/agents/:id', async (c) => {
    const explanation = await fleet.explain(c.req.param('id').slice(0, 128), rollouts.waits);
    return renderPage(
      c,
      { title: `Agent ${explanation.agent.id}`, section: 'fleet', live: true },
      <AgentPage explanation={explanation} now={now()} />,
    );
  });
  return app;
}
