import { Hono } from 'hono';
import type { AuditEntry } from '../../domain/audit.ts';
import { clock, count, number, who } from '../../domain/words.ts';
import type { ChainState } from '../../service/audit-verify.ts';
import type { DashboardEnv, DashboardServices } from '../frame.ts';
import { Field } from '../parts/form.tsx';
import { Changes, Subject } from '../parts/history.tsx';
import { Moment } from '../parts/moment.tsx';
import { Table } from '../parts/table.tsx';
import { actionWords } from '../parts/words.ts';
import { renderPage } from '../render.tsx';

/** Entries that one page searches; older ones are on the next page. */
const SEARCHED = 500;
/** Entries that one page shows when nothing is searched for. */
const SHOWN = 50;

type Search = Record<'actor' | 'action' | 'subject' | 'text', string>;
const FIELDS = ['actor', 'action', 'subject', 'text'] as const;

/** Whether the entry contains everything that is searched for. */
function matches(entry: AuditEntry, search: Search): boolean {
  const holds = (value: string, part: string) => value.toLowerCase().includes(part.toLowerCase());
  return (
    holds(entry.actor, search.actor) &&
    (holds(entry.action, search.action) || holds(actionWords(entry), search.action)) &&
    holds(entry.subject, search.subject) &&
    (search.text === '' || holds(`${entry.reason} ${JSON.stringify([entry.before, entry.after])}`, search.text))
  );
}

interface AuditPageProps {
  entries: AuditEntry[];
  search: Search;
  searching: boolean;
  /** The id before which older entries continue; null at the end. */
  before: number | null;
  searched: number;
  now: Date;
}

function AuditPage({ entries, search, searching, before, searched, now }: AuditPageProps) {
  const older = before && `/audit?${new URLSearchParams({ ...search, before: String(before) })}`;
  return (
    <>
      <div class="heading">
        <h1>Audit</h1>
        <p
          id="chain"
          class="chain muted"
          role="status"
          hx-get="/audit/chain"
          hx-trigger="load"
          hx-select="#chain"
          hx-swap="outerHTML"
        >
          <a href="/audit/chain">Verify the chain</a>
        </p>
      </div>
      <section class="panel">
        <form method="get" action="/audit" class="inline">
          <Field label="Actor" name="actor" value={search.actor} maxlength={100} />
          <Field label="Action" name="action" value={search.action} maxlength={100} />
          <Field label="Subject" name="subject" value={search.subject} maxlength={200} />
          <Field label="Reason or change" name="text" value={search.text} maxlength={200} />
          <button type="submit">Search entries</button>
          {searching && (
            <a class="button quiet" href="/audit">
              Show all
            </a>
          )}
        </form>
        {searching && (
          <p class="muted" role="status">
            {count(entries.length, 'entry', 'entries')} of {number(searched)} searched
            {older ? '; older entries are on the next page' : ''}
          </p>
        )}
        {entries.length > 0 && <AuditTable entries={entries} now={now} />}
        {entries.length === 0 && (
          <p class="muted empty">{searching ? 'No entry on this page matches.' : 'Nothing has been changed yet.'}</p>
        )}
      </section>
      {older && (
        <p class="actions">
          <a class="button" href={older}>
            Show older entries
          </a>
        </p>
      )}
    </>
  );
}

function AuditTable({ entries, now }: { entries: AuditEntry[]; now: Date }) {
  return (
    <Table
      label="Entries"
      class="audit"
      columns={[{ number: 'Entry' }, 'Time', 'Actor', 'Action', 'Reason and change']}
    >
      {entries.map((entry) => (
        <tr id={`entry-${entry.id}`}>
          <td class="num">{entry.id}</td>
          <td class="nowrap">
            <Moment at={entry.at} now={now} />
          </td>
          <td>{who(entry.actor)}</td>
          <td>
            {actionWords(entry)} <Subject subject={entry.subject} />
          </td>
          <td>
            {entry.reason}
            <Changes entry={entry} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Chain({ state: { intact, entries, head, brokenAt, edited }, now }: { state: ChainState; now: Date }) {
  return intact ? (
    <p id="chain" class="chain good" role="status" title={`verified ${clock(now.toISOString())}`}>
      Chain intact over {number(entries)} entries, head <code>{head.slice(0, 12)}</code>
    </p>
  ) : (
    <div id="chain" class="chain bad" role="alert">
      {brokenAt === null ? null : (
        <p>
          The chain is broken at entry {brokenAt}: this entry or an earlier one was changed or removed. Compare the log
          with an export.
        </p>
      )}
      {edited.map(({ key, fault }) => (
        <p>
          {key} was changed without an entry: {fault}. Compare it with an export.
        </p>
      ))}
    </div>
  );
}

/** `/audit` and `/audit/chain`. */
export function auditPages({ audit, now }: DashboardServices) {
  const app = new Hono<DashboardEnv>();
  app.get('/audit', async (c) => {
    const query = c.req.query();
    const search = Object.fromEntries(
      FIELDS.map((field) => [field, (query[field] ?? '').trim().slice(0, 200)]),
    ) as Search;
    const searching = FIELDS.some((field) => search[field] !== '');
    const limit = searching ? SEARCHED : SHOWN;
    const page = await audit.list({ limit, before: Number(query.before) || undefined }, c.get('actor'));
    const last = page.length === limit ? page.at(-1) : undefined;
    return renderPage(
      c,
      { title: 'Audit', section: 'audit' },
      <AuditPage
        entries={searching ? page.filter((entry) => matches(entry, search)) : page}
        before={last && last.id > 1 ? last.id : null}
        searched={page.length}
        now={now()}
        {...{ search, searching }}
      />,
    );
  });
  app.get('/audit/chain', async (c) => {
    const state = await audit.verify();
    return renderPage(
      c,
      { title: 'Audit chain', section: 'audit' },
      <>
        <p class="crumbs">
          <a href="/audit">Audit</a>
        </p>
        <h1>Audit chain</h1>
        <Chain state={state} now={now()} />
      </>,
    );
  });
  return app;
}
