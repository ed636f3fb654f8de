import type { Child } from 'hono/jsx';
import type { Channel } from '../../domain/channel.ts';
import type { Report } from '../../domain/compatibility.ts';
import { countEffects, movesAgents } from '../../domain/effects.ts';
import type { FairwayError } from '../../domain/errors.ts';
import { describeScheduled, isWaiting } from '../../domain/schedule.ts';
import type { Stored } from '../../domain/snapshot.ts';
import { clock, number, who } from '../../domain/words.ts';
import type { Census } from '../../service/census-view.ts';
import type { ChangingVerb } from '../../service/channels.ts';
import type { Session } from '../sessions.ts';
import { VERB_FORMS, type VerbValues } from '../verbs.ts';
import { type ChangeRow, ChangeTable } from './change-table.tsx';
import { Confirm } from './confirm.tsx';
import { EvidenceView } from './evidence.tsx';
import { Fault, outcomeTitle } from './fault.tsx';
import { Override } from './override.tsx';
import { ReportView } from './report.tsx';

/** What a verb would do, or why it is refused. */
export interface Outcome {
  after: Channel;
  report: Report | null;
  census: Census | null;
  error: FairwayError | null;
  /** Whether the caller could override the refusal. */
  overridable: boolean;
  /** Whether this was the change itself, not its preview. */
  attempted: boolean;
}

interface PreviewProps {
  channel: Stored<Channel>;
  verb: ChangingVerb;
  values: VerbValues;
  outcome: Outcome;
  session: Session;
  action: string;
}

/** The preview of a change, with the form that makes it. */
export function ChangePreview(props: PreviewProps) {
  const { channel, verb, values, outcome } = props;
  const { after, report, census, error, overridable, attempted } = outcome;
  return (
    <>
      <h2>{outcomeTitle(error, attempted)}</h2>
      {error && !report && <Fault error={error} />}
      {(!error || report) && <Change before={channel} after={after} />}
      {census && <EffectList {...{ after, census, report }} before={channel} />}
      {report ? (
        <ReportView report={report} channel={channel.name} />
      ) : (
        census && <EvidenceView evidence={census.sources} />
      )}
      {!error && (
        <ConfirmVerb {...props}>
          <button type="submit" class="primary">
            {values.at ? `Schedule: ${VERB_FORMS[verb].confirm(after)}` : VERB_FORMS[verb].confirm(after)}
          </button>
        </ConfirmVerb>
      )}
      {overridable && report && <OverrideVerb {...props} stranded={report.stranded} />}
    </>
  );
}

function ConfirmVerb({ channel, values, session, action, children }: PreviewProps & { children?: Child }) {
  // Only the override form sends this number, and it must be typed each time.
  const { acceptStranding: _, ...rest } = values;
  return (
    <Confirm {...{ action, session }} revision={channel.revision} values={rest}>
      {children}
    </Confirm>
  );
}

function OverrideVerb({ stranded, ...props }: PreviewProps & { stranded: number }) {
  const { verb, outcome } = props;
  return (
    <Override
      stranded={stranded}
      label={VERB_FORMS[verb].confirm(outcome.after)}
      explanation={verb === 'critical' ? HURRY : undefined}
      form={(fields) => <ConfirmVerb {...props}>{fields}</ConfirmVerb>}
    />
  );
}

const HURRY = 'The target strands them already, and the critical mark would hurry them to it at once.';

const markText = (mark: Channel['pin'] | Channel['hold']) =>
  mark
    ? `by ${who(mark.by)}${'until' in mark && mark.until ? ` until ${clock(mark.until)}` : ''}: ${mark.reason}`
    : 'no';

/** The changes that wait; what a person does may overtake them. */
const toCome = ({ scheduled = [] }: Channel): string =>
  scheduled.filter(isWaiting).map(describeScheduled).join('; ') || 'nothing';

function Change({ before, after }: { before: Channel; after: Channel }) {
  const rows: ChangeRow[] = [
    ['Target', before.target ?? 'none', after.target ?? 'none'],
    ['Critical', markText(before.critical), markText(after.critical)],
    ['Pin', markText(before.pin), markText(after.pin)],
    ['Hold', markText(before.hold), markText(after.hold)],
    ['Scheduled', toCome(before), toCome(after)],
    ['Plan', before.plan?.route.join(' → ') ?? 'none', after.plan?.route.join(' → ') ?? 'none'],
  ];
  return <ChangeTable rows={rows.filter(([label, from, to]) => from !== to || label === 'Target')} />;
}

interface EffectProps {
  before: Channel;
  after: Channel;
  census: Census;
  report: Report | null;
}

function EffectList({ before, after, census, report }: EffectProps) {
  if (!movesAgents(before, after)) return <p>No agent moves because of this change.</p>;
  const { up, back, stay, strand, already } = countEffects(after, census, report);
  const how = after.critical ? 'at once, because it is critical' : 'each in its maintenance window';
  const where = after.target === null ? 'where they are' : `already at ${after.target}`;
  return (
    <dl class="effects">
      <div>
        <dt>Go up</dt>
        <dd>{number(up)}</dd>
        <dd class="muted">{up > 0 ? how : ''}</dd>
      </div>
      <div>
        <dt>Go back</dt>
        <dd>{number(back)}</dd>
        <dd class="muted">{back > 0 ? how : ''}</dd>
      </div>
      <div>
        <dt>Stay</dt>
        <dd>{number(stay)}</dd>
        <dd class="muted">{stay > 0 ? where : ''}</dd>
      </div>
      <div class={strand > 0 ? 'bad' : undefined}>
        <dt>Strand</dt>
        <dd>{number(strand)}</dd>
        <dd class="muted">{strand > 0 ? 'would be stuck' : already > 0 ? `${number(already)} are already` : ''}</dd>
      </div>
    </dl>
  );
}
