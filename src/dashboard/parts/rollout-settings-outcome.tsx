import type { FairwayError } from '../../domain/errors.ts';
import { DEFAULT_GROUP } from '../../domain/rollout-settings.ts';
import type { RolloutPart, RolloutTexts } from '../rollout-form.ts';
import { describeFreeze, describeGroup, describeWatch, describeWindow } from '../rollout-words.ts';
import type { Session } from '../sessions.ts';
import { type ChangeRow, ChangeTable } from './change-table.tsx';
import { Confirm, HiddenValues } from './confirm.tsx';
import { Fault, outcomeTitle } from './fault.tsx';
import { CsrfField } from './form.tsx';

/** What a change of the settings would do, or why it is refused. `attempted`: this was the change, not its preview. */
export type RolloutSettingsOutcome =
  | { after: RolloutPart; error: null }
  | { after: null; error: FairwayError; attempted: boolean };

interface PreviewProps {
  before: RolloutPart;
  texts: RolloutTexts;
  /** The revision that the person saw, and the present one. */
  revision: number;
  present: number;
  outcome: RolloutSettingsOutcome;
  action: string;
  session: Session;
}

/** The preview of a change of settings, with the form that makes it. */
export function RolloutSettingsPreview({ before, texts, revision, present, outcome, action, session }: PreviewProps) {
  const { after, error } = outcome;
  if (error) {
    return (
      <>
        <h2>{outcomeTitle(error, outcome.attempted)}</h2>
        <Fault error={error} />
        {error.code === 'revision_mismatch' && (
          <form method="post" action={action} class="confirm">
            <CsrfField session={session} />
            <HiddenValues values={{ ...texts, revision: String(present) }} />
            <p>
              What you typed is kept. <button type="submit">Preview again</button>
            </p>
          </form>
        )}
      </>
    );
  }
  const rows = changes(before, after);
  return (
    <>
      <h2>Preview</h2>
      {rows.length > 0 ? <ChangeTable rows={rows} /> : <p>No setting changes.</p>}
      <Confirm {...{ action, session, revision }} values={texts}>
        <button type="submit" class="primary">
          Change the settings
        </button>
      </Confirm>
    </>
  );
}

/** The settings in words, by label. */
function wordsOf({ rollout, watch, window, freezes }: RolloutPart): Map<string, string> {
  const groups = rollout?.groups ?? [];
  return new Map([
    ['Groups', groups.map(({ name }) => name).join(' → ')],
    ...groups.map((group): [string, string] => {
      const { name, match, alertAfter } = group;
      const spellings = match.length === 1 && match[0] === name ? [] : [`means ${match.join(', ')}`];
      const alert = alertAfter === DEFAULT_GROUP.alertAfter ? [] : [`alert after ${alertAfter}`];
      return [`Group ${name}`, [describeGroup(group), ...spellings, ...alert].join('; ')];
    }),
    ['Strategy', rollout?.strategy ?? ''],
    ['Agents of no group', rollout?.unmatched ?? ''],
    ['Window', window ? describeWindow(window) : ''],
    ['Watch', watch ? describeWatch(watch) : ''],
    ['Freezes', (freezes ?? []).map(describeFreeze).join('; ')],
  ]);
}

function changes(before: RolloutPart, after: RolloutPart): ChangeRow[] {
  const [was, is] = [wordsOf(before), wordsOf(after)];
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((label): ChangeRow => [label, was.get(label) || 'none', is.get(label) || 'none'])
    .filter(([, from, to]) => from !== to);
}
