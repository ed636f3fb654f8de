import type { Channel } from '../../domain/channel.ts';
import type { Report } from '../../domain/compatibility.ts';
import { countEffects } from '../../domain/effects.ts';
import type { FairwayError } from '../../domain/errors.ts';
import type { Stored } from '../../domain/snapshot.ts';
import type { Census } from '../../service/census-view.ts';
import type { ChangingVerb } from '../../service/channels.ts';
import type { Session } from '../sessions.ts';
import { VERB_FORMS, type VerbValues } from '../verbs.ts';
import { CsrfField, Field, Hidden } from './form.tsx';
import { clock } from './moment.tsx';
import { EvidenceTable, ReportView } from './report.tsx';
import { who } from './state.tsx';
import { count, number } from './words.ts';

/** What a verb would do, or why it may not. */
export interface Outcome {
  after: Channel;
  report: Report | null;
  census: Census | null;
  error: FairwayError | null;
  /** Could whoever asks do it all the same? */
  breakable: boolean;
  /** Was it meant in earnest? */
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
  const { channel, verb, outcome } = props;
  const { after, report, census, error, breakable, attempted } = outcome;
  return (
    <>
      <h2>{attempted ? 'Nothing was changed' : error ? 'It would be refused' : 'Preview'}</h2>
      {error && !report && (
        <p class="fault" role="alert">
          {error.message}
        </p>
      )}
      {(!error || report) && <Change before={channel} after={after} />}
      {census && <EffectList after={after} census={census} report={report} />}
      {report ? (
        <ReportView report={report} channel={channel.name} />
      ) : (
        census && <EvidenceTable evidence={census.sources} />
      )}
      {!error && (
        <Confirm {...props}>
          <button type="submit" class="primary">
            {VERB_FORMS[verb].confirm(after)}
          </button>
        </Confirm>
      )}
      {breakable && report && <BreakGlass {...props} stranded={report.stranded} />}
    </>
  );
}

/** The same input once more, to be done if the channel is still as it was seen. */
function Confirm({ channel, values, session, action, children }: PreviewProps & { children: unknown }) {
  return (
    <form method="post" action={action} class="confirm">
      <CsrfField session={session} />
      <Hidden name="confirm" value="yes" />
      <Hidden name="revision" value={channel.revision} />
      <Hidden name="version" value={values.version} />
      <Hidden name="reason" value={values.reason} />
      <Hidden name="critical" value={values.critical} />
      <Hidden name="stepped" value={values.stepped} />
      <Hidden name="until" value={values.until} />
      <div class="actions">{children}</div>
    </form>
  );
}

function BreakGlass({ stranded, ...props }: PreviewProps & { stranded: number }) {
  return (
    <details class="glass">
      <summary>Do it all the same</summary>
      <p>
        {count(stranded, 'agent')} would be stranded: told a version that they cannot go to, and reachable by no other
        way. It is recorded, and counted.
      </p>
      <Confirm {...props}>
        <Field
          label={`Type ${number(stranded)} to accept stranding ${count(stranded, 'agent')}`}
          name="acceptStranding"
          required
          maxlength={12}
        />
        <button type="submit" class="danger">
          {VERB_FORMS[props.verb].confirm(props.outcome.after)}, and strand {count(stranded, 'agent')}
        </button>
      </Confirm>
    </details>
  );
}

const markText = (mark: Channel['pin']) =>
  mark ? `by ${who(mark.by)}${mark.until ? ` until ${clock(mark.until)}` : ''}: ${mark.reason}` : 'no';

function Change({ before, after }: { before: Channel; after: Channel }) {
  const rows: [string, string, string][] = [
    ['Target', before.target ?? 'none', after.target ?? 'none'],
    ['Critical', markText(before.critical), markText(after.critical)],
    ['Pin', markText(before.pin), markText(after.pin)],
    ['Plan', before.plan?.route.join(' → ') ?? 'none', after.plan?.route.join(' → ') ?? 'none'],
  ];
  return (
    <table class="change">
      <thead>
        <tr>
          <th scope="col" />
          <th scope="col">From</th>
          <th scope="col">To</th>
        </tr>
      </thead>
      <tbody>
        {rows
          .filter(([label, from, to]) => from !== to || label === 'Target')
          .map(([label, from, to]) => (
            <tr>
              <th scope="row">{label}</th>
              <td>{from}</td>
              <td>{from === to ? <span class="muted">as before</span> : <b>{to}</b>}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function EffectList({ after, census, report }: { after: Channel; census: Census; report: Report | null }) {
  const { move, wait, strand } = countEffects(after, census, report);
  const how = after.critical ? 'at once, as it is critical' : 'each in its maintenance window';
  const where = after.target === null ? 'where they are' : `at ${after.target} already`;
  return (
    <dl class="effects">
      <div>
        <dt>Move</dt>
        <dd>{number(move)}</dd>
        <dd class="muted">{move > 0 ? how : ''}</dd>
      </div>
      <div>
        <dt>Wait</dt>
        <dd>{number(wait)}</dd>
        <dd class="muted">{wait > 0 ? where : ''}</dd>
      </div>
      <div class={strand > 0 ? 'bad' : undefined}>
        <dt>Strand</dt>
        <dd>{number(strand)}</dd>
        <dd class="muted">{strand > 0 ? 'would lose their way' : ''}</dd>
      </div>
    </dl>
  );
}
