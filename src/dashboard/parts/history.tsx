import type { AuditEntry } from '../../domain/audit.ts';
import { who } from '../../domain/words.ts';
import { clock, Moment } from './moment.tsx';
import { actionWords, channelPath, releasePath } from './words.ts';

/** Fields that repeat the entry or help few readers; the API has them. */
const SILENT = new Set(['updatedAt', 'updatedBy', 'served', 'lineage', 'name', 'accepts', 'versionPrefix']);

const fields = (document: unknown): Record<string, unknown> =>
  typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};

/** The changes of an entry, field by field. */
function changes({ before, after }: AuditEntry): { field: string; from: string; to: string }[] {
  const [was, is] = [fields(before), fields(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((field) => !SILENT.has(field))
    .map((field) => ({ field, from: show(was[field]), to: show(is[field]) }))
    .filter(({ from, to }) => from !== to);
}

function show(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  if (typeof value === 'object' && 'route' in value && Array.isArray(value.route)) return value.route.join(' → ');
  if (typeof value === 'object' && 'reason' in value) return until(value as { until?: string | null });
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const until = ({ until }: { until?: string | null }) => (until ? `until ${clock(until)}` : 'yes');

/** The document of an entry before and after. */
export function Changes({ entry }: { entry: AuditEntry }) {
  const list = changes(entry);
  return list.length === 0 ? null : (
    <ul class="changes">
      {list.map(({ field, from, to }) => (
        <li>
          <span class="muted">{field}</span>{' '}
          {entry.before !== null && (
            <>
              {from} <span aria-hidden="true">→</span>
              <span class="visually-hidden">to</span>{' '}
            </>
          )}
          <b>{to}</b>
        </li>
      ))}
    </ul>
  );
}

/** The subject of an entry, which is a document's key. */
export function Subject({ subject }: { subject: string }) {
  const name = subject.slice(subject.indexOf('/') + 1);
  if (subject.startsWith('channel/')) return <a href={channelPath(name)}>{name}</a>;
  if (subject.startsWith('control-plane/')) {
    return <a href={`/control-planes/${encodeURIComponent(name)}`}>control plane {name}</a>;
  }
  if (subject.startsWith('release/')) return <a href={releasePath(name)}>{name}</a>;
  if (subject.startsWith('promotion/')) return <a href={releasePath(name)}>promotion of {name}</a>;
  // An entry about more than one document says so in its action.
  return null;
}

/** The history of one channel, newest first. */
export function History({ entries, now }: { entries: AuditEntry[]; now: Date }) {
  return (
    <ol class="history">
      {entries.map((entry) => (
        <li id={`entry-${entry.id}`}>
          <p>
            <b>{actionWords(entry.action)}</b> by {who(entry.actor)}{' '}
            <span class="muted">
              <Moment at={entry.at} now={now} /> · {entry.id}
            </span>
          </p>
          {entry.reason && <p class="reason">{entry.reason}</p>}
          <Changes entry={entry} />
        </li>
      ))}
    </ol>
  );
}
