import type { PromotionGate } from '../../domain/promotion-gates.ts';
import { count, number, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { AgentsView, StageView } from '../../service/promotion-view.ts';
import type { PromotionView } from '../../service/promotions.ts';
import { EvidenceMarks } from './evidence.tsx';
import { freshness } from './evidence-words.ts';
import { Moment } from './moment.tsx';
import { CutOffMark, StrandMark } from './stranding.tsx';
import { Version } from './version.tsx';
import { channelPath, planePath, releasePath, spaced } from './words.ts';

interface StagesProps {
  promotion: PromotionView;
  /** The censuses by channel; null while the store is away. */
  censuses: ReadonlyMap<string, Census> | null;
  mayApprove: boolean;
  /** Shows the reasons of closed gates only for the current stage. */
  brief?: boolean;
  now: Date;
}

export const byChannel = (censuses: readonly Census[] | null): StagesProps['censuses'] =>
  censuses && new Map(censuses.map((census) => [census.channel, census]));

/** The stages of a promotion side by side. */
export const Stages = ({ promotion, ...props }: StagesProps) => (
  <ol class="stages">
    {promotion.stages.map((stage) => (
      <StageColumn stage={stage} promotion={promotion} {...props} />
    ))}
  </ol>
);

const TONE: Partial<Record<StageView['state'], string>> = {
  halted: 'bad',
  waiting: 'still',
  superseded: 'warn',
  skipped: 'warn',
  empty: 'bad',
};

function StageColumn({ stage, promotion: { version, stage: current }, ...props }: StagesProps & { stage: StageView }) {
  const { censuses, mayApprove, brief = false, now } = props;
  const isTurn = stage.stage === current;
  const { state, gates } = stage;
  const toApprove = state === 'waiting' && gates.some(({ gate, passed }) => gate === 'approved' && !passed);
  return (
    <li class="stage" aria-current={isTurn ? 'step' : undefined}>
      <h3>
        {stage.stage} <span class={`mark ${TONE[state] ?? ''}`}>{spaced(state)}</span>
      </h3>
      <p class="muted">
        <Since stage={stage} now={now} />
      </p>
      <dl class="pairs">
        <Places {...{ stage, version, censuses }} />
        <Signed label="Approved" signed={stage.approved} now={now} />
        <Signed label="Started" signed={stage.started} now={now} />
      </dl>
      {brief && !isTurn ? <ClosedGates gates={gates} /> : <Gates gates={gates} />}
      {stage.agents && <Agents agents={stage.agents} now={now} />}
      {toApprove && mayApprove && (
        <p>
          <a href={releasePath(version, `/approve?stage=${encodeURIComponent(stage.stage)}`)}>Approve {stage.stage}</a>
        </p>
      )}
    </li>
  );
}

/** The agents of a stage whose control planes go on without them. */
function Agents({ agents: { state, since, soakedAt, gates, next }, now }: { agents: AgentsView; now: Date }) {
  const at = soakedAt ?? since;
  return (
    <>
      <h4>
        Agents <span class={`mark ${TONE[state as StageView['state']] ?? 'still'}`}>{spaced(state)}</span>
      </h4>
      <p class="muted">
        {at && (
          <>
            {soakedAt ? 'complete' : 'since'} <Moment at={at} now={now} />;{' '}
          </>
        )}
        {next}
      </p>
      <ClosedGates gates={gates} />
    </>
  );
}

function Since({ stage: { since, soakedAt, automatic }, now }: { stage: StageView; now: Date }) {
  const at = soakedAt ?? since;
  if (!at) return automatic ? 'starts automatically' : 'starts when promoted';
  return (
    <>
      {soakedAt ? 'complete' : 'since'} <Moment at={at} now={now} />
    </>
  );
}

type PlacesProps = Pick<StagesProps, 'censuses'> & { stage: StageView; version: string };

/** Where the stage takes the release, and how many agents are there. */
function Places({ stage, version, censuses }: PlacesProps) {
  const { counts, channels, controlPlanes } = stage;
  return (
    <>
      <dt>Control planes</dt>
      <dd>
        {controlPlanes.length === 0 && <span class="muted">none</span>}
        {controlPlanes.map(({ controlPlane, version: runs }) => (
          <p>
            <a href={planePath(controlPlane)}>{controlPlane}</a>{' '}
            {runs ? <Version version={runs} /> : <span class="muted">not reported</span>}
          </p>
        ))}
        <More {...{ stage, version }} all={counts.controlPlanes} shown={controlPlanes.length} />
      </dd>
      <dt>Channels</dt>
      <dd>
        {channels.length === 0 && <span class="muted">none</span>}
        {channels.map(({ channel, target }) => (
          <p>
            <a href={channelPath(channel)}>{channel}</a>{' '}
            {target ? <Version version={target} /> : <span class="muted">none</span>}{' '}
            <AgentsThere census={censuses?.get(channel)} version={version} />
          </p>
        ))}
        <More {...{ stage, version }} all={counts.channels} shown={channels.length} />
      </dd>
    </>
  );
}

/** Leads from the first few to all of a stage. */
function More({ stage, version, all, shown }: { stage: StageView; version: string; all: number; shown: number }) {
  if (all <= shown) return null;
  const path = releasePath(version, `/stages/${encodeURIComponent(stage.stage)}`);
  return (
    <p>
      <a href={path}>and {number(all - shown)} more</a>
    </p>
  );
}

function AgentsThere({ census, version }: { census: Census | undefined; version: string }) {
  if (!census) return null;
  const there = census.versions.find((each) => each.version === version)?.count ?? 0;
  return (
    <small>
      <span class="muted">
        {number(there)} of {count(census.agents, 'agent')}, by {describeSources(census)}
      </span>{' '}
      <StrandMark census={census} />
      <CutOffMark census={census} />
      <EvidenceMarks census={census} />
    </small>
  );
}

/** `inventory, 2 h old` */
const describeSources = (census: Census): string => {
  const { basis, age } = freshness(census);
  return age === '' ? basis : `${basis}, ${age}`;
};

function Signed({ label, signed, now }: { label: string; signed: StageView['approved']; now: Date }) {
  if (!signed) return null;
  return (
    <>
      <dt>{label}</dt>
      <dd>
        by {who(signed.by)} <Moment at={signed.at} now={now} />: {signed.reason}
      </dd>
    </>
  );
}

function ClosedGates({ gates }: { gates: PromotionGate[] }) {
  const closed = gates.flatMap(({ gate, passed }) => (passed ? [] : [gate]));
  if (closed.length === 0) return null;
  return <p class="muted">not passed: {closed.map(spaced).join(', ')}</p>;
}

/** The gates: closed ones with their reason, passed ones by name. */
export function Gates({ gates }: { gates: PromotionGate[] }) {
  const passed = gates.filter((gate) => gate.passed).map(({ gate }) => gate);
  return (
    <>
      {passed.length < gates.length && (
        <ul class="findings warn">
          {gates
            .filter((gate) => !gate.passed)
            .map(({ gate, reason }) => (
              <li>
                <b>{spaced(gate)}</b>
                <span>{reason}</span>
              </li>
            ))}
        </ul>
      )}
      {passed.length > 0 && <p class="muted">passed: {passed.map(spaced).join(', ')}</p>}
    </>
  );
}
