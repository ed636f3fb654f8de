import { expect, it } from 'vitest';
import { SCHEMA, SCHEMA_KEY, type Step, upgradesOf } from '../../src/domain/schema.ts';

const CHANNEL = { key: 'channel/a', revision: 3, value: { name: 'a', target: '16.4.6' } };
const RELEASE = { key: 'release/16.4.6', revision: 2, value: { version: '16.4.6' } };
const schema = (form: number) => ({ key: SCHEMA_KEY, revision: 1, value: { form } });
const at = (form: number) => ({ revision: 3, documents: [CHANNEL, RELEASE, schema(form)] });

/** Steps of imagined later releases: channels get a list of targets, and then the newest one instead. */
const STEPS: Step[] = [
  (_, value) => value,
  (key, value) => (key.startsWith('channel/') ? { ...value, targets: ['16.4.5', '16.4.6'] } : value),
  (key, value) => (key.startsWith('channel/') ? { ...value, target: undefined, newest: 1 } : value),
];

it.each([
  ['all steps to a state without a form', { revision: 3, documents: [CHANNEL] }, 0],
  ['the remaining steps', at(2), 1],
])('applies %s, and rewrites only what they change', (_, state, ifRevision) => {
  const writes = upgradesOf(state, 'the state', STEPS);
  expect(writes.map(({ key }) => key)).toEqual([SCHEMA_KEY, 'channel/a']);
  expect(writes).toMatchObject([
    { ifRevision, value: { form: 3 } },
    { ifRevision: 3, value: { name: 'a', newest: 1 } },
  ]);
});

it('leaves a state of its own form alone', () => {
  expect(upgradesOf(at(SCHEMA), 'the state')).toEqual([]);
});

it('adds the form to an empty state', () => {
  expect(upgradesOf({ documents: [] }, 'the state')).toEqual([
    { key: SCHEMA_KEY, ifRevision: 0, value: { form: SCHEMA } },
  ]);
});

it('refuses an unknown form, and says what to do', () => {
  const unknown = () => upgradesOf(at(SCHEMA + 1), 'the state in the store');
  expect(unknown).toThrow(/the state in the store has form 2, .* knows forms up to 1; run the newer one, or go back/);
});
