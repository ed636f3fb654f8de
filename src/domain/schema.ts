import type { AuditDraft } from './audit.ts';
import { FairwayError } from './errors.ts';
import type { ControlState, Document, Guard, Write } from './store.ts';

/** The document that says in which form all the others are. A state without it is of form 0, from before there were forms. */
export const SCHEMA_KEY = 'schema';

/** Brings a document's value to the next form. */
export type Step = (key: string, value: object) => object;

/** A step for each form but the first; a step stays as long as anybody may come from that form (docs/upgrading.md). */
const STEPS: readonly Step[] = [
  // 0 → 1: the form has a number now, and is as it was.
  (_, value) => value,
];

/** The form that this release writes. */
export const SCHEMA = STEPS.length;

/** A state that this release must not touch. */
export class NewerForm extends FairwayError {
  constructor(form: number, place: string) {
    const known = `${place} is of form ${form}, which a newer Fairway made, and this one knows forms up to ${SCHEMA}`;
    super('store_unavailable', `${known}; run the newer one, or go back as docs/upgrading.md says`);
  }
}

/**
 * What has to be written to bring a state to this release's form; nothing where it has that. An empty state has only to
 * say its form. Throws `NewerForm` when `place`, where the state is from, holds a form that this release does not know.
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

/** What the audit log tells of an upgrade. */
export const upgradeEntry = (state: ControlState, at: Date): AuditDraft => ({
  at: at.toISOString(),
  actor: 'system:upgrade',
  action: 'upgrade',
  subject: SCHEMA_KEY,
  reason: 'this release writes another form',
  before: { form: formOf(state.documents) },
  after: { form: SCHEMA },
});

/** Holds a commit to the form that it was made for: once another release has upgraded the state, this one writes no more. */
export const schemaGuard = (documents: ReadonlyMap<string, Document>): Guard => ({
  key: SCHEMA_KEY,
  ifRevision: documents.get(SCHEMA_KEY)?.revision ?? 0,
});

function formOf(documents: readonly Document[]): number {
  const value = documents.find(({ key }) => key === SCHEMA_KEY)?.value as { form?: unknown } | undefined;
  return typeof value?.form === 'number' ? value.form : 0;
}
