import type { Report } from '../../domain/compatibility.ts';
import type { FairwayError } from '../../domain/errors.ts';
import type { RolloutResult, RolloutVerb, RolloutView } from '../../service/rollouts.ts';
import { ROLLOUT_FORMS, type RolloutValues } from '../rollout-verbs.ts';
import type { Session } from '../sessions.ts';
import { type ChangeRow, ChangeTable } from './change-table.tsx';
import { Confirm } from './confirm.tsx';
import { Fault, outcomeTitle } from './fault.tsx';
import { Next } from './release-outcome.tsx';
import { ReportView } from './report.tsx';

/** What a verb would do to a rollout, or why it is refused. */
export type RolloutOutcome =
  | { result: RolloutResult; error: null }
  /** `attempted`: this was the change itself, not its preview. */
  | { result: null; error: FairwayError; attempted: boolean };

interface PreviewProps {
  rollout: RolloutView;
  verb: RolloutVerb;
  values: RolloutValues;
  outcome: RolloutOutcome;
  session: Session;
  action: string;
}

/** The preview of a verb, with the form that does it. */
export function RolloutPreview({ rollout, verb, values, outcome, session, action }: PreviewProps) {
  if (outcome.error) {
    const { error, attempted } = outcome;
    const report = (error.code === 'refused' && (error.details.report as Report | undefined)) || null;
    return (
      <>
        <h2>{outcomeTitle(error, attempted)}</h2>
        {report ? <ReportView report={report} channel={rollout.channel} /> : <Fault error={error} />}
      </>
    );
  }
  const { rollout: after, report } = outcome.result;
  const rows = changes(rollout, after);
  return (
    <>
      <h2>Preview</h2>
      {rows.length > 0 ? <ChangeTable rows={rows} /> : <p>No group changes its state.</p>}
      <Next next={after.next} />
      {report && <ReportView report={report} channel={rollout.channel} />}
      <Confirm {...{ action, session, values }} revision={rollout.revision}>
        <button type="submit" class={verb === 'roll-back' ? 'danger' : 'primary'}>
          {ROLLOUT_FORMS[verb].confirm(values.group ?? '')}
        </button>
      </Confirm>
    </>
  );
}

/** The states that change. A rollout that begins again is another one, whose groups have the same names. */
function changes(before: RolloutView, after: RolloutView): ChangeRow[] {
  const was = new Map(before.groups.map((group) => [group.name, group]));
  const rows: ChangeRow[] = [
    ['Rollout', before.state, after.state],
    ...after.groups.flatMap(({ name, state, canaries, wave }): ChangeRow[] => {
      const old = was.get(name);
      const hosts = canaries.map(({ id, host }) => host ?? id).join(', ');
      const oldHosts = old?.canaries.map(({ id, host }) => host ?? id).join(', ') ?? '';
      return [
        [`Group ${name}`, old?.state ?? 'none', state],
        [`Wave of ${name}`, `${old?.wave ?? 0} %`, `${wave} %`],
        [`Canaries of ${name}`, oldHosts || 'none', hosts || 'none'],
      ];
    }),
  ];
  return rows.filter(([, from, to]) => from !== to);
}
