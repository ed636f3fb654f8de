import type { ErrorCode, FairwayError } from '../../domain/errors.ts';

/** The fields of the forms, as their labels name them. */
const LABELS: Record<string, string> = {
  acceptStranding: 'Number of stranded agents',
  accepts: 'Accepted kinds of version',
  by: 'Fixed release',
  controlPlane: 'Control plane',
  critical: 'Critical',
  pr: 'Change',
  toolsVersion: 'Client tools',
};

const labelOf = (path: string): string => {
  const [field = ''] = path.split('.');
  return LABELS[field] ?? field.charAt(0).toUpperCase() + field.slice(1);
};

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
