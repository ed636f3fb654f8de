import type { AuditDraft } from './audit.ts';
import { FairwayError } from './errors.ts';
import type { ControlState, Document, Guard, Write } from './store.ts';

/** The key of the document that holds the form of all others. A state without it has form 0, of the first releases. */
export const SCHEMA_KEY = 'schema';

/** Converts a document's value to the next form. */
export type Step = (key: string, value: object) => object;

/** A step from each form to the next. It stays while upgrades from its form are supported (docs/upgrading.md). */
const STEPS: readonly Step[] = [
  // 0 → 1: the form gets a number; the documents stay the same.
  (_, value) => value,
];

/** The form that this release writes: the number of steps. */
export const SCHEMA = STEPS.length;

/** Thrown for a state that this release must not change. */
export class NewerForm extends FairwayError {
  constructor(form: number, place: string) {
    const known = `${place} has form ${form}, written by a newer Fairway, and this one knows forms up to ${SCHEMA}`;
    super('store_unavailable', `${known}; run the newer one, or go back as docs/upgrading.md describes`);
  }
}

/**
 * The writes that bring a state to this release's form; none if it has that form. An empty state only gets the document
 * with its form. Throws `NewerForm`, which names `place` as the origin of the state, if the form is unknown.
 */
export function upgradesOf({ documents }: Pick<ControlState, 'documents'>, place: string, steps = STEPS): Write[] {
  const from = formOf(documents);
  const to = steps.length;
  if (from > to) throw new NewerForm(from, place);
  if (from === to) return [];
  const schema = documents.find(({ key }) => key === SCHEMA_KEY);
  const upgrades: Write[] = [{ key: SCHEMA_KEY, ifRevision: schema?.revision ?? 0, value: { form: to } }];
  for (const { key, revision, value } of documents) {
    if (key === SCHEMA_KEY) continue;
    const upgraded = steps.slice(from).reduce((form, step) => step(key, form), value);
    if (upgraded !== value) upgrades.push({ key, ifRevision: revision, value: upgraded });
  }
  return upgrades;
}

/** Has a state with these documents the form that this release writes? */
export const isInForm = (documents: { get(key: string): Document | undefined }): boolean =>
  readForm(documents.get(SCHEMA_KEY)) === SCHEMA;

/** The audit entry of an upgrade. */
export const upgradeEntry = (state: ControlState, at: Date): AuditDraft => ({
  at: at.toISOString(),
  actor: 'system:upgrade',
  action: 'upgrade',
  subject: SCHEMA_KEY,
  reason: 'this release writes another form',
  before: { form: formOf(state.documents) },
  after: { form: SCHEMA },
});

/** Makes a commit fail if another release has upgraded the state since. */
export const schemaGuard = (documents: { get(key: string): Document | undefined }): Guard => ({
  key: SCHEMA_KEY,
  ifRevision: documents.get(SCHEMA_KEY)?.revision ?? 0,
});

const formOf = (documents: readonly Document[]) => readForm(documents.find(({ key }) => key === SCHEMA_KEY));

function readForm(schema: Document | undefined): number {
  const value = schema?.value as { form?: unknown } | undefined;
  return typeof value?.form === 'number' ? value.form : 0;
}
