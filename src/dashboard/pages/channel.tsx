import { Hono } from 'hono';
import type { AuditEntry } from '../../domain/audit.ts';
import type { Channel } from '../../domain/channel.ts';
import type { ControlPlane } from '../../domain/control-plane.ts';
import { type Actor, may } from '../../domain/role.ts';
import type { Point, Resolution } from '../../domain/series.ts';
import { WATCH_ACTOR } from '../../domain/watch-settings.ts';
import { count, number, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { ChangingVerb, PresentChannel } from '../../service/channels.ts';
import type { PlanState } from '../../service/plans.ts';
import type { RolloutView } from '../../service/rollouts.ts';
import { unlessAway } from '../away.ts';
import { EVIDENCE_ACTS, EVIDENCE_FORMS, type EvidenceAct, isSurvey } from '../evidence-acts.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Bar, Legend, type StandingOf, Swatch, sharesOf, standingsOf, standingWords } from '../parts/bar.tsx';
import { CensusNotes } from '../parts/census-notes.tsx';
import { Chart } from '../parts/chart.tsx';
import { CheckForm } from '../parts/check-form.tsx';
import { Crumbs } from '../parts/crumbs.tsx';
import { EvidenceView } from '../parts/evidence.tsx';
import { History } from '../parts/history.tsx';
import { Moment } from '../parts/moment.tsx';
import { PlanView } from '../parts/plan.tsx';
import { PlaneVersion } from '../parts/plane.tsx';
import { RolloutSection } from '../parts/rollout.tsx';
import { ScheduledTable } from '../parts/scheduled.tsx';
import { MarkDetail, Marks, Target } from '../parts/state.tsx';
import { CutOffDetail, StrandDetail } from '../parts/stranding.tsx';
import { Table } from '../parts/table.tsx';
import { Version } from '../parts/version.tsx';
import { agentsPath, channelPath, percent, planePath, SOURCE_WORDS } from '../parts/words.ts';
import { renderPage } from '../render.tsx';
import { rolloutMarks } from '../rollout-marks.ts';
import { verbForm } from '../verbs.ts';

const RECENT = 8;

/** The verbs that make sense for a channel as it is, and that the actor may use. */
function verbsFor({ pin, hold, target, lineage, plan }: Channel, actor: Actor): ChangingVerb[] {
  const moves: ChangingVerb[] = pin ? [] : ['roll-forward', ...(lineage.length > 0 ? (['roll-back'] as const) : [])];
  const rest: ChangingVerb[] = target === null ? [] : ['critical', ...(pin ? [] : (['withdraw'] as const))];
  const ends = [...(hold ? (['release'] as const) : []), ...(plan ? (['cancel-plan'] as const) : [])];
  const verbs = [...moves, ...ends, pin ? 'unpin' : 'pin', ...rest] as const;
  return verbs.filter((verb) => may(actor, verb));
}

function Steer({ channel, actor }: { channel: Channel; actor: Actor }) {
  const verbs = verbsFor(channel, actor);
  if (verbs.length === 0) return null;
  return (
    <nav class="actions" aria-label="Actions">
      {verbs.map((verb, index) => (
        <a class={index === 0 ? 'button primary' : 'button'} href={channelPath(channel.name, `/${verb}`)}>
          {verbForm(verb, channel).title}
        </a>
      ))}
    </nav>
  );
}

function Versions({ channel, census, standingOf }: { channel: Channel; census: Census; standingOf: StandingOf }) {
  return (
    <Table
      label="Versions"
      class="versions"
      columns={['Version', 'Standing', { number: 'Agents' }, { number: 'Share' }]}
    >
      {census.versions.map(({ version, count }) => {
        const standing = standingOf(version);
        return (
          <tr>
            <td>
              <a href={agentsPath(channel.name, version)}>
                <Version version={version} linked />
              </a>
            </td>
            <td>
              <Swatch standing={standing ?? 'unmoved'} /> {standingWords(version, channel.target, standing)}
            </td>
            <td class="num">{number(count)}</td>
            <td class="num">{percent(count, census.agents)}</td>
          </tr>
        );
      })}
    </Table>
  );
}

function Agents({ channel, census, standingOf }: { channel: Channel; census: Census | null; standingOf: StandingOf }) {
  const shares = census ? sharesOf(census) : [];
  return (
    <section class="panel">
      <div class="heading">
        <h2>Agents</h2>
        {census && <p class="muted">{count(census.agents, 'agent')}</p>}
        <a href={channelPath(channel.name, '/agents')}>List the agents</a>
      </div>
      <Bar shares={shares} />
      {census === null && <p class="legend muted">agents are unknown while the store is away</p>}
      {census && <Legend shares={shares} />}
      {census && census.agents > 0 && <Versions channel={channel} census={census} standingOf={standingOf} />}
      {census?.agents === 0 && <NoAgents channel={channel.name} />}
      {census && <CensusNotes census={census} />}
    </section>
  );
}

/** What verdicts about the channel rest on, and what a person can say about it. */
function EvidenceSection({ census, actor }: { census: Census | null; actor: Actor }) {
  if (!census) return null;
  return (
    <section class="panel" id="evidence">
      <h2>Evidence</h2>
      <EvidenceView
        evidence={census.sources}
        actions={(source) => <EvidenceActions channel={census.channel} source={source} actor={actor} />}
      />
    </section>
  );
}

type Source = Census['sources'][number];
type Plane = Pick<ControlPlane, 'version' | 'highest'>;

function EvidenceActions({
  channel,
  source: { source, settling },
  actor,
}: {
  channel: string;
  source: Pick<Source, 'source' | 'settling'>;
  actor: Actor;
}) {
  if (!isSurvey(source)) return null;
  const path = (act: EvidenceAct) => channelPath(channel, `/evidence/${source}/${act}`);
  const acts = EVIDENCE_ACTS.filter((act) => may(actor, EVIDENCE_FORMS[act].action) && (act === 'forget' || settling));
  if (acts.length === 0) return null;
  return (
    <p class="actions">
      {acts.map((act) => (
        <a class="button" href={path(act)} aria-label={`${EVIDENCE_FORMS[act].title}: ${SOURCE_WORDS[source]}`}>
          {EVIDENCE_FORMS[act].title}
        </a>
      ))}
    </p>
  );
}

function NoAgents({ channel }: { channel: string }) {
  return (
    <div class="empty">
      <p>
        No agent of this channel has checked in, and no inventory lists any. Until then, Fairway assumes that every
        recently served version is still in use. Import an inventory:
      </p>
      <pre>tctl inventory ls --format=json | fairway inventory import --channel {channel}</pre>
    </div>
  );
}

function Lineage({ lineage, target }: { lineage: string[]; target: string | null }) {
  return (
    <section class="panel">
      <h2>Lineage</h2>
      {lineage.length === 0 ? (
        <p class="muted empty">The versions that led to the target are listed here.</p>
      ) : (
        <ol class="lineage">
          {[...lineage].reverse().map((version) => (
            <li aria-current={version === target ? 'true' : undefined}>
              <Version version={version} /> {version === target && <small class="muted">target</small>}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

interface SettingsProps {
  channel: PresentChannel;
  controlPlane: Plane | undefined;
  mayChange: boolean;
}

function Settings({ channel, controlPlane, mayChange }: SettingsProps) {
  const tools = channel.toolsVersion ?? channel.toolsFallback ?? null;
  return (
    <section class="panel">
      <div class="heading">
        <h2>Settings</h2>
        {mayChange && <a href={channelPath(channel.name, '/settings')}>Change the settings</a>}
      </div>
      <dl class="pairs">
        <dt>Control plane</dt>
        <dd>
          {channel.controlPlane ? (
            <a href={planePath(channel.controlPlane)}>
              {channel.controlPlane} <PlaneVersion plane={controlPlane} linked />
            </a>
          ) : (
            'none: targets are not compared with a control plane'
          )}
        </dd>
        <dt>Accepts</dt>
        <dd>
          {channel.accepts.join(', ')}
          {channel.purpose && <span class="muted"> for {channel.purpose}</span>}
        </dd>
        <dt>Agents get</dt>
        <dd>{channel.target === null ? 'none' : <Version version={`${channel.versionPrefix}${channel.target}`} />}</dd>
        {tools !== null && tools !== channel.target && (
          <>
            <dt>Client tools get</dt>
            <dd>
              <Version version={`${channel.versionPrefix}${tools}`} />
            </dd>
          </>
        )}
        <dt>Groups</dt>
        <dd>
          {channel.rollout ? channel.rollout.groups.map(({ name }) => name).join(' → ') : 'none: all agents go at once'}
          {mayChange && (
            <>
              {' '}
              <a href={channelPath(channel.name, '/rollout/settings')}>Change groups, watch and freezes</a>
            </>
          )}
        </dd>
        <dt>Revision</dt>
        <dd>{channel.revision}</dd>
      </dl>
    </section>
  );
}

/** What the watch of the last move cannot see. */
const BlindDetail = ({ census }: { census: Census | null }) =>
  census?.watch && census.watch.blind.length > 0 ? (
    <p class="mark-detail">Not watched after the last move: {census.watch.blind.join('; ')}.</p>
  ) : null;

/**
 * Does the section of the rollout give the reason of the hold? The watch holds the channel of a rollout that it halts.
 */
const isToldBelow = ({ hold }: Channel, rollout: RolloutView | null): boolean =>
  hold?.by === WATCH_ACTOR && hold.reason === rollout?.halted?.reason;

interface ChannelPageProps {
  channel: PresentChannel;
  controlPlane: Plane | undefined;
  census: Census | null;
  entries: AuditEntry[] | null;
  standingOf: StandingOf;
  /** Null while the store is away. */
  plan: PlanState | null;
  rollout: RolloutView | null;
  points: Point[] | null;
  resolution: Resolution;
  actor: Actor;
  now: Date;
}

function ChannelPage(props: ChannelPageProps) {
  const { channel, controlPlane, census, entries, standingOf, plan, rollout, points, resolution, actor, now } = props;
  return (
    <>
      <Crumbs />
      <div class="heading">
        <h1>{channel.name}</h1>
        <Marks channel={channel} census={census} />
        {channel.description && <p class="muted">{channel.description}</p>}
      </div>
      <section class="panel hero">
        <div>
          <Target target={channel.target} />
          <p class="muted">
            changed <Moment at={channel.updatedAt} now={now} /> by {who(channel.updatedBy)}
          </p>
        </div>
        <Steer channel={channel} actor={actor} />
        <MarkDetail name="Pinned" mark={channel.pin} now={now} />
        {!isToldBelow(channel, rollout) && <MarkDetail name="Held" mark={channel.hold} now={now} />}
        <MarkDetail name="Critical" mark={channel.critical} now={now} />
        {channel.frozen && (
          <p class="mark-detail">
            {channel.frozen} <a href="/freezes">Freezes of all channels</a>
          </p>
        )}
        <StrandDetail census={census} />
        <BlindDetail census={census} />
        <CutOffDetail census={census} plane={channel.controlPlane} />
      </section>
      <RolloutSection {...{ channel, rollout, actor, now }} />
      <div class="columns wide-left">
        <div class="stack">
          {plan && <PlanView state={plan} now={now} />}
          <Agents channel={channel} census={census} standingOf={standingOf} />
          <EvidenceSection census={census} actor={actor} />
          {points && (
            <Chart
              {...{ resolution, points }}
              channel={channel.name}
              marks={rolloutMarks(channel.progress ?? null, entries ?? [])}
            />
          )}
          {channel.scheduled && (
            <section class="panel">
              <div class="heading">
                <h2>Scheduled</h2>
                <a href="/scheduled">All channels</a>
              </div>
              <ScheduledTable
                changes={channel.scheduled.map((change) => ({ channel: channel.name, ...change }))}
                actor={actor}
              />
            </section>
          )}
          <CheckForm channel={channel.name} version="" />
        </div>
        <div class="stack">
          <section class="panel">
            <div class="heading">
              <h2>History</h2>
              <a href={channelPath(channel.name, '/history')}>Show all</a>
            </div>
            {entries ? (
              <History channel={channel.name} entries={entries} now={now} />
            ) : (
              <p class="muted">unknown while the store is away</p>
            )}
          </section>
          <Lineage lineage={channel.lineage} target={channel.target} />
          <Settings channel={channel} controlPlane={controlPlane} mayChange={may(actor, 'put-channel')} />
        </div>
      </div>
    </>
  );
}

/** `/channels/NAME`. */
export function channelPage({ channels, fleet, plans, rollouts, series, audit, state, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/channels/:channel', async (c) => {
    const channel = channels.read(c.req.param('channel'));
    const resolution: Resolution = c.req.query('span') === 'hour' ? 'hour' : 'minute';
    const [census, entries, plan, rollout, points] = await Promise.all([
      unlessAway(fleet.census(channel.name)),
      unlessAway(audit.history(channel.name, { limit: RECENT }, c.get('actor'))),
      unlessAway(plans.state(channel.name)),
      channel.rollout && channel.progress ? unlessAway(rollouts.read(channel.name)) : null,
      unlessAway(series.read(channel.name, resolution)),
    ]);
    const snapshot = state.peek();
    const controlPlane = snapshot?.controlPlanes.get(channel.controlPlane ?? '');
    return renderPage(
      c,
      { title: channel.name, section: 'fleet', live: true, chart: true },
      <ChannelPage
        {...{ channel, census, entries, plan, rollout, points, resolution, controlPlane }}
        standingOf={standingsOf(channel.target, snapshot?.releases, controlPlane)}
        actor={c.get('actor')}
        now={now()}
      />,
    );
  });
  return app;
}
