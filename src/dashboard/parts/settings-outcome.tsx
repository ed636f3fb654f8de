import type { Report } from '../../domain/compatibility.ts';
import type { FairwayError } from '../../domain/errors.ts';
import type { Session } from '../sessions.ts';
import type { SettingsValues } from '../settings-form.ts';
import { type ChangeRow, ChangeTable } from './change-table.tsx';
import { Confirm, HiddenValues } from './confirm.tsx';
import { Fault, outcomeTitle } from './fault.tsx';
import { CsrfField } from './form.tsx';
import { Override } from './override.tsx';
import { ReportView } from './report.tsx';

/** What a change of settings would do, or why it is refused. `attempted`: this was the change, not its preview. */
export type SettingsOutcome =
  | { report: Report | null; error: null }
  | { report: Report | null; error: FairwayError; overridable: boolean; attempted: boolean };

interface PreviewProps {
  /** The settings as they are; empty for a new channel. */
  before: SettingsValues;
  values: SettingsValues;
  /** The revision that the person saw, and the present one; 0 for a new channel. */
  revision: number;
  present: number;
  outcome: SettingsOutcome;
  action: string;
  session: Session;
}

/** The preview of a change of settings, with the form that makes it. */
export function SettingsPreview(props: PreviewProps) {
  const { before, values, present, outcome, action, session, revision } = props;
  const { report, error } = outcome;
  const isNew = before.name === '';
  const label = isNew ? 'Create the channel' : 'Change the settings';
  const rows = changes(before, values);
  const confirm = { action, session, revision, values: { ...values } };
  return (
    <>
      <h2>{outcomeTitle(error, outcome.error !== null && outcome.attempted)}</h2>
      {error && !report && <Fault error={error} />}
      {rows.length > 0 ? (
        <ChangeTable rows={rows} />
      ) : (
        <p>{isNew ? 'The channel is created.' : 'No setting changes.'}</p>
      )}
      {report && <ReportView report={report} channel={isNew ? undefined : before.name} />}
      {error?.code === 'revision_mismatch' && !isNew && (
        <form method="post" action={action} class="confirm">
          <CsrfField session={session} />
          <HiddenValues values={{ ...values, revision: String(present) }} />
          <p>
            What you typed is kept. The table compares it with the settings as they are now.{' '}
            <button type="submit">Preview again</button>
          </p>
        </form>
      )}
      {!error && (
        <Confirm {...confirm}>
          <button type="submit" class="primary">
            {label}
          </button>
        </Confirm>
      )}
      {error && outcome.overridable && report && (
        <Override
          stranded={report.stranded}
          label={label}
          explanation="With these settings, they would get a version that is not known to be safe for them."
          form={(fields) => <Confirm {...confirm}>{fields}</Confirm>}
        />
      )}
    </>
  );
}

function changes(before: SettingsValues, after: SettingsValues): ChangeRow[] {
  const rows: ChangeRow[] = [
    ['Name', before.name, after.name],
    ['Description', before.description, after.description],
    ['Control plane', before.controlPlane, after.controlPlane],
    ['Target', before.target, after.target],
    ['Client tools', before.toolsVersion, after.toolsVersion],
    ['Purpose', before.purpose, after.purpose],
    ['Accepts', before.accepts.join(', '), [...after.accepts].join(', ')],
  ];
  return rows.filter(([, from, to]) => from !== to).map(([label, from, to]) => [label, from || 'none', to || 'none']);
}
