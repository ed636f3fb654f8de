import { object } from './document-checks.ts';
import { FORMS } from './document-forms.ts';
import { SCHEMA, SCHEMA_KEY } from './schema.ts';
import { atOnce, type Steps } from './steps.ts';
import type { BadDocument, ControlState, Document } from './store.ts';

/** The fault of a document whose bytes are not JSON. */
export const TORN = 'its JSON is torn';

const OTHER = object({});

/** Says why a document cannot be served; null if it can. */
export function faultOf(key: string, value: unknown): string | null {
  const cut = key.indexOf('/');
  const kind = FORMS[key] ? key : key.slice(0, cut);
  const fault = (FORMS[kind] ?? OTHER)(value);
  if (fault !== null || kind === key || !FORMS[kind]) return fault;
  const { name, version: its } = value as { name?: string; version: string };
  return (name ?? its) === key.slice(cut + 1) ? null : 'it is named otherwise than its key';
}

/**
 * Keeps out the documents that cannot be served, each named in `bad`. One that is in `lastGood` is served as it was
 * there, at the stored revision, so that the next change of it puts it right.
 */
export const keepOutBad = <S extends Pick<ControlState, 'documents' | 'bad'>>(state: S, lastGood: LastGood): S =>
  atOnce(keepOutInSteps(state, lastGood));

type LastGood = { get(key: string): Document | undefined };

/** Documents that are checked in under a millisecond. */
const CHECKED_A_STEP = 50;

/** As `keepOutBad`, with a pause wherever polls may be answered. */
export function* keepOutInSteps<S extends Pick<ControlState, 'documents' | 'bad'>>(
  state: S,
  lastGood: LastGood,
): Steps<S> {
  const bad = [...(state.bad ?? [])];
  const documents: Document[] = [];
  for (const [n, document] of state.documents.entries()) {
    const fault = faultOf(document.key, document.value);
    if (fault === null) documents.push(document);
    else bad.push({ key: document.key, revision: document.revision, fault });
    if (n % CHECKED_A_STEP === CHECKED_A_STEP - 1) yield;
  }
  if (bad.length === 0) return state;
  const isServed = new Set(documents.map(({ key }) => key));
  for (const { key, revision } of bad) {
    const value = lastGood.get(key)?.value ?? FALLBACKS[key];
    if (value && !isServed.has(key)) documents.push({ key, revision, value });
  }
  return { ...state, documents: documents.sort((a, b) => (a.key < b.key ? -1 : 1)), bad };
}

/** Where nothing good is known. Each document was checked, so the state has the form of this release. */
const FALLBACKS: Record<string, object> = { [SCHEMA_KEY]: { form: SCHEMA } };

/** A sentence for logs, pages and `/readyz`. */
export function describeBad(bad: Iterable<BadDocument>): string {
  const all = [...bad];
  const some = all.slice(0, 3).map(({ key, fault }) => `${JSON.stringify(key).slice(1, -1)} (${fault})`);
  const more = all.length > some.length ? ` and ${all.length - some.length} more` : '';
  const [are, their] =
    all.length === 1 ? ['a document in the store is', 'its'] : ['documents in the store are', 'their'];
  return `${are} damaged, and ${their} last good state is served if it is known: ${some.join(', ')}${more}`;
}
