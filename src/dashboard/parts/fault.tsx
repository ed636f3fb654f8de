import type { ErrorCode, FairwayError } from '../../domain/errors.ts';
import { spaced } from './words.ts';

/** The fields of the forms, as their labels name them. */
const LABELS: Record<string, string> = {
  acceptStranding: 'Number of stranded agents',
  accepts: 'Accepted kinds of version',
  by: 'Fixed release',
  controlPlane: 'Control plane',
  critical: 'Critical',
  'watch.for': 'Watch for',
  'watch.maxReverted': 'Most that reverted',
  'watch.maxVanished': 'Most that vanished',
  'watch.maxFailed': 'Most that failed',
  pr: 'Change',
  toolsVersion: 'Client tools',
};

/** Lists of the settings of a rollout, whose items are counted. */
const ITEMS: Record<string, string> = { groups: 'group', freezes: 'freeze', conditions: 'condition' };

/** `Waves of group 2` for `rollout.groups.1.waves`. */
function labelOf(path: string): string {
  const [first = '', ...rest] = path.split('.');
  const [list = '', index, ...fields] = first in ITEMS ? [first, ...rest] : rest;
  const item = ITEMS[list];
  const field = fields.filter((each) => !/^\d+$/.test(each)).at(-1);
  const name = spaced(field ?? first);
  const words =
    item === undefined
      ? (LABELS[path] ?? LABELS[first] ?? name)
      : `${field ? `${name} of ` : ''}${item} ${Number(index) + 1}`;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Errors in what was typed; nothing was judged yet. */
const MISTYPED: ReadonlySet<ErrorCode> = new Set(['invalid', 'malformed', 'no_previous_target']);

/** The heading of a preview. `attempted`: this was the change itself. */
export function outcomeTitle(error: FairwayError | null, attempted: boolean): string {
  if (!error) return 'Preview';
  if (attempted) return 'Nothing was changed';
  return MISTYPED.has(error.code) ? 'Faults in the form' : 'This would be refused';
}

/** What is wrong, with the labels of the fields concerned. */
export function Fault({ error: { details, message } }: { error: FairwayError }) {
  const { errors = [] } = details;
  const named = errors.length > 0 && errors.every(({ path }) => path !== '');
  return (
    <div class="fault" role="alert">
      {named ? (
        errors.map(({ path, message: what }) => (
          <p>
            <b>{labelOf(path)}</b>: {what}
          </p>
        ))
      ) : (
        <p>{message}</p>
      )}
    </div>
  );
}
