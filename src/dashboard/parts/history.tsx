import type { AuditEntry } from '../../domain/audit.ts';
import type { Freeze } from '../../domain/freeze.ts';
import type { RolloutGroup } from '../../domain/rollout-settings.ts';
import { channelKey } from '../../domain/snapshot.ts';
import type { WatchSettings } from '../../domain/watch-settings.ts';
import type { Window } from '../../domain/window.ts';
import { clock, number, who } from '../../domain/words.ts';
import { describeFreeze, describeGroup, describeWatch, describeWindow } from '../rollout-words.ts';
import { Moment } from './moment.tsx';
import { maybeVersion } from './version.tsx';
import { actionWords, channelPath, planePath, releasePath, spaced } from './words.ts';

/** Fields that repeat the entry or help few readers; the API has them. */
const SILENT = new Set([
  ...['updatedAt', 'updatedBy', 'changedAt', 'served', 'lineage', 'name', 'accepts', 'versionPrefix', 'progress'],
]);

const fields = (document: unknown): Record<string, unknown> =>
  typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};

interface Change {
  field: string;
  from: string;
  to: string;
  isNew: boolean;
}

/** The changes of an entry, field by field; in one about several documents those of `key`, or a line for each. */
function changes({ before, after }: AuditEntry, key: string | null): Change[] {
  const own = (document: unknown) => (key !== null && key in fields(document) ? fields(document)[key] : null);
  const isAbout = own(before) ?? own(after);
  const [was, is] = isAbout ? [fields(own(before)), fields(own(after))] : [fields(before), fields(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((field) => !SILENT.has(field))
    .map((field) => ({ field, from: show(was[field]), to: show(is[field]), isNew: !(field in was) }))
    .filter(({ from, to }) => from !== to);
}

function show(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== 'object')) return value.join(', ');
    return value.every(isFreeze) ? value.map(describeFreeze).join('; ') : JSON.stringify(value);
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') return showObject(value as Record<string, unknown>);
  return typeof value === 'string' && ISO_TIME.test(value) ? clock(value) : String(value);
}

const isFreeze = (item: object): item is Freeze => 'until' in item && 'except' in item;

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function showObject(value: Record<string, unknown>): string {
  if (Array.isArray(value.route)) return value.route.join(' → ');
  if (Array.isArray(value.groups)) return describeGroups(value.groups as RolloutGroup[]);
  if ('maxReverted' in value) return describeWatch(value as unknown as WatchSettings);
  if ('start' in value && 'timeZone' in value) return describeWindow(value as unknown as Window);
  if ('reason' in value) return until(value as { until?: string | null });
  // A channel or a control plane, in an entry about several documents.
  if ('target' in value || 'version' in value) return String(value.target ?? value.version ?? 'no target');
  const parts = Object.entries(value);
  if (parts.length === 0) return 'none';
  // Agents by channel, or versions by component.
  const isShort = parts.every(([, each]) => each === null || typeof each === 'number' || Array.isArray(each));
  return isShort ? parts.map(([name, each]) => `${name} ${showPart(each)}`).join('; ') : JSON.stringify(value);
}

const describeGroups = (groups: RolloutGroup[]) =>
  groups.map((group) => `${group.name} (${describeGroup(group)})`).join(' → ');

const showPart = (value: unknown): string => (typeof value === 'number' ? number(value) : show(value));

const until = ({ until }: { until?: string | null }) => (until ? `until ${clock(until)}` : 'yes');

/** The document of an entry before and after; `subject` is the key of the document that a page is about. */
export function Changes({ entry, subject = null }: { entry: AuditEntry; subject?: string | null }) {
  const list = changes(entry, subject);
  return list.length === 0 ? null : (
    <ul class="changes">
      {list.map(({ field, from, to, isNew }) => (
        <li>
          <span class="muted">{spaced(field)}</span>{' '}
          {!isNew && (
            <>
              {maybeVersion(from)} <span aria-hidden="true">→</span>
              <span class="visually-hidden">to</span>{' '}
            </>
          )}
          <b>{maybeVersion(to)}</b>
        </li>
      ))}
    </ul>
  );
}

/** The subject of an entry, which is a document's key. */
export function Subject({ subject }: { subject: string }) {
  const name = subject.slice(subject.indexOf('/') + 1);
  if (subject.startsWith('channel/') || subject.startsWith('watch/')) return <a href={channelPath(name)}>{name}</a>;
  if (subject.startsWith('control-plane/')) {
    return <a href={planePath(name)}>control plane {name}</a>;
  }
  if (subject.startsWith('release/')) return <a href={releasePath(name)}>{name}</a>;
  if (subject.startsWith('promotion/')) return <a href={releasePath(name)}>promotion of {name}</a>;
  if (subject.startsWith('agent/')) return <a href={`/agents/${encodeURIComponent(name)}`}>{name}</a>;
  // An entry about more than one document says so in its action.
  return null;
}

/** The history of one channel, newest first. */
export function History({ channel, entries, now }: { channel: string; entries: AuditEntry[]; now: Date }) {
  return (
    <ol class="history">
      {entries.map((entry) => (
        <li id={`entry-${entry.id}`}>
          <p>
            <b>{actionWords(entry)}</b> by {who(entry.actor)}{' '}
            <span class="muted">
              <Moment at={entry.at} now={now} /> · {entry.id}
            </span>
          </p>
          {entry.reason && <p class="reason">{entry.reason}</p>}
          <Changes entry={entry} subject={channelKey(channel)} />
        </li>
      ))}
    </ol>
  );
}
