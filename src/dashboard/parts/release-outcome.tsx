import type { FairwayError } from '../../domain/errors.ts';
import type { Release } from '../../domain/release.ts';
import { count, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { PromotionView } from '../../service/promotions.ts';
import { type ChannelMove, firstMoves } from '../../service/recall.ts';
import { RELEASE_VERB_FORMS, type ReleaseEffect, type ReleaseValues, type ReleaseVerb } from '../release-verbs.ts';
import type { Session } from '../sessions.ts';
import { type ChangeRow, ChangeTable } from './change-table.tsx';
import { Confirm } from './confirm.tsx';
import { EvidenceMarks } from './evidence.tsx';
import { describeBasis } from './evidence-words.ts';
import { Fault, outcomeTitle } from './fault.tsx';
import { Gates } from './stages.tsx';
import { maybeVersion } from './version.tsx';
import { channelPath, spaced } from './words.ts';

/** What a verb would do to a release, or why it is refused. */
export type ReleaseOutcome =
  | { effect: ReleaseEffect; error: null }
  /** `attempted`: this was the change itself, not its preview. */
  | { effect: null; error: FairwayError; attempted: boolean };

interface PreviewProps {
  release: Release;
  /** Null if the release is not promoted by stages, or while the store is away. */
  promotion: PromotionView | null;
  verb: ReleaseVerb;
  values: ReleaseValues;
  outcome: ReleaseOutcome;
  /** By channel; null while the store is away. */
  censuses: ReadonlyMap<string, Census> | null;
  session: Session;
  action: string;
}

/** The preview of a verb, with the form that does it. */
export function ReleasePreview(props: PreviewProps) {
  const { release, promotion, verb, values, outcome, censuses, session, action } = props;
  if (outcome.error) {
    const { error, attempted } = outcome;
    return (
      <>
        <h2>{outcomeTitle(error, attempted)}</h2>
        <Fault error={error} />
        <Gates gates={error.details.gates ?? []} />
      </>
    );
  }
  const { effect } = outcome;
  const rows = [...releaseRows(release, effect.release), ...(promotion ? stageRows(promotion, effect.promotion) : [])];
  const changed = rows.filter(([, from, to]) => from !== to);
  return (
    <>
      <h2>Preview</h2>
      {changed.length > 0 ? (
        <ChangeTable rows={changed} />
      ) : (
        <p>Nothing would change: the release is already in this state.</p>
      )}
      {effect.moves && <Moves moves={effect.moves} censuses={censuses} />}
      {effect.promotion && <Next next={effect.promotion.next} />}
      {effect.promotion && <StageBasis promotion={effect.promotion} censuses={censuses} />}
      <Confirm {...{ action, values, session }} revision={effect.revision}>
        <button type="submit" class={verb === 'pull' ? 'danger' : 'primary'}>
          {RELEASE_VERB_FORMS[verb].confirm(release.version, values)}
        </button>
      </Confirm>
    </>
  );
}

/** The next step of a promotion. */
export const Next = ({ next }: { next: string }) => (
  <p>
    <b>Next:</b> {next}
  </p>
);

type Censuses = Pick<PreviewProps, 'censuses'>;

/** What is known of a channel that a release goes to, or leaves. */
function Basis({ channel, censuses }: Censuses & { channel: string }) {
  const census = censuses?.get(channel);
  if (!census) return null;
  return (
    <small class="muted">
      {describeBasis(census.sources)} <EvidenceMarks census={census} />
    </small>
  );
}

/** What the gate goes by in the present stage. */
function StageBasis({ promotion: { stage, stages }, censuses }: Censuses & { promotion: PromotionView }) {
  const channels = stages.find((each) => each.stage === stage)?.channels ?? [];
  if (channels.length === 0) return null;
  return (
    <ul class="findings" aria-label="Evidence">
      {channels.map(({ channel }) => (
        <li>
          <a href={channelPath(channel)}>{channel}</a>
          <Basis {...{ channel, censuses }} />
        </li>
      ))}
    </ul>
  );
}

/** Channels that move, on one page. */
const MOST_SHOWN = 100;

function Moves({ moves, censuses }: Censuses & { moves: ChannelMove[] }) {
  if (moves.length === 0) return <p>No channel moves.</p>;
  const { total, withdrawn, channels } = firstMoves(moves, MOST_SHOWN);
  const rest = total - channels.length;
  return (
    <ul class="findings" aria-label="Channels that move">
      {rest > 0 && (
        <li>
          {count(total, 'channel')} move, {withdrawn} of them to no version. The first {channels.length}:
        </li>
      )}
      {channels.map(({ channel, from, to, detail }) => (
        <li>
          <a href={channelPath(channel)}>{channel}</a>
          <span>
            {maybeVersion(from ?? 'none')} <span aria-hidden="true">→</span>
            <span class="visually-hidden">to</span> <b>{maybeVersion(to ?? 'none')}</b>
          </span>
          <small class="muted">{detail}</small>
          <Basis {...{ channel, censuses }} />
        </li>
      ))}
    </ul>
  );
}

function releaseRows(before: Release, after: Release = before): ChangeRow[] {
  const pulled = ({ pulled }: Release) => (pulled ? `by ${who(pulled.by)}: ${pulled.reason}` : 'no');
  const embargo = ({ embargoed }: Release) => (embargoed ? 'hidden from everyone below release-manager' : 'public');
  const signedOff = ({ changes }: Release, pr: number) => {
    const by = changes.find((change) => change.pr === pr)?.signedOff?.by;
    return by ? `signed off by ${who(by)}` : 'open';
  };
  return [
    ['Pulled', pulled(before), pulled(after)],
    ['Embargo', embargo(before), embargo(after)],
    ...before.changes.map(({ pr }): ChangeRow => [`#${pr}`, signedOff(before, pr), signedOff(after, pr)]),
  ];
}

function stageRows(before: PromotionView, after: PromotionView = before): ChangeRow[] {
  const approval = (stage: PromotionView['stages'][number]) =>
    stage.approved ? `by ${who(stage.approved.by)}: ${stage.approved.reason}` : 'no';
  return after.stages.flatMap((stage, index) => {
    const was = before.stages[index] ?? stage;
    const rows: ChangeRow[] = [
      [stage.stage, spaced(was.state), spaced(stage.state)],
      [`${stage.stage} approved`, approval(was), approval(stage)],
    ];
    return rows;
  });
}
