import { describe, expect, it } from 'vitest';
import { faultOf, keepOutBad } from '../../src/domain/documents.ts';
import type { ControlState } from '../../src/domain/store.ts';
import { EVERY_DOCUMENT, FULL_CHANNEL, placesOf, withAt } from '../support/every-document.ts';
import { FIRST_STATE } from '../support/first-state.ts';

const stored = (key: string) => FIRST_STATE.documents.find((document) => document.key === key)?.value as object;
const CHANNEL = 'channel/stable/cloud';
const change = (fields: object, key = CHANNEL) => ({ ...stored(key), ...fields });

describe('a document', () => {
  it.each(FIRST_STATE.documents)('of the first release can be served: $key', ({ key, value }) => {
    expect(faultOf(key, value)).toBeNull();
  });

  it.each<[string, string, unknown]>([
    ['a text', CHANNEL, 'x'],
    ['a list', CHANNEL, []],
    ['no channel', CHANNEL, { name: 'stable/cloud' }],
    ['another name', CHANNEL, change({ name: 'other' })],
    ['a line break in the target', CHANNEL, change({ target: '16.4.6\r\nX: y' })],
    ['a line break at the end of the target', CHANNEL, change({ target: '16.4.6\n' })],
    ['a number as the target', CHANNEL, change({ target: 16 })],
    ['a line break in the tools version', CHANNEL, change({ toolsVersion: '16.4.6\n' })],
    ['a pin without a time', CHANNEL, change({ pin: { until: 'soon' } })],
    ['an unknown kind', CHANNEL, change({ accepts: ['nightly'] })],
    ['a lineage of numbers', CHANNEL, change({ lineage: [1] })],
    ['a plan without a route', CHANNEL, change({ plan: { target: '17.0.0', step: 0 } })],
    ['a control plane without a version', 'control-plane/main', { name: 'main' }],
    ['a control plane with a line break', 'control-plane/main', change({ version: '17.0.0\n' }, 'control-plane/main')],
    ['an unknown state of a stage', 'promotion/16.4.6', { version: '16.4.6', stages: { canary: { state: 'lost' } } }],
    ['stages that are a list', 'promotion/16.4.6', { version: '16.4.6', stages: [{ state: 'lost' }] }],
    ['a release without artifacts', 'release/16.4.6', { version: '16.4.6', security: false, embargoed: false }],
    ['sign-offs without verdicts', 'sign-offs/github', { deliveries: [] }],
    ['a form that is text', 'schema', { form: '1' }],
    ['a recovery without a revision', 'recovery', {}],
    ['null', 'anything/else', null],
  ])('with %s is kept out', (_, key, value) => {
    expect(faultOf(key, value)).not.toBeNull();
    const document = { key, revision: 9, value: value as object };
    const found: ControlState = { revision: 9, hash: null, documents: [document] };
    const state = keepOutBad(found, new Map());
    expect(state.bad).toMatchObject([{ key, revision: 9 }]);
    expect(state.documents.filter((each) => each.value === value)).toEqual([]);
  });

  it('that is damaged is served as it was, at the revision that a change of it must name', () => {
    const value = stored(CHANNEL);
    const lastGood = new Map([[CHANNEL, { key: CHANNEL, revision: 3, value }]]);
    const found = { revision: 9, hash: null, documents: [{ key: CHANNEL, revision: 9, value: { name: 'x' } }] };
    expect(keepOutBad(found, lastGood)).toMatchObject({ documents: [{ key: CHANNEL, revision: 9, value }] });
  });

  const EVERY = Object.entries(EVERY_DOCUMENT);

  it.each(EVERY)('in which every field is set can be served: %s', (key, value) => {
    expect(faultOf(key, value)).toBeNull();
  });

  it.each(EVERY)('has no field that is not looked at: %s', (key, value) => {
    const places = [...placesOf(value)];
    const unseen = places.filter((place) => faultOf(key, withAt(value, place, [[null]])) === null);
    expect(unseen).toEqual([]);
  });

  it.each<[string, string, object]>([
    ['a time to which no soak can be added', 'promotion/17.1.0', { updatedAt: '+275760-09-13T00:00:00.000Z' }],
    ['a pin of nobody', 'channel/full', { pin: { at: '2026-01-01', reason: 'x', until: null } }],
    ['a watch that is a text', 'channel/full', { watch: '2h' }],
    ['a watch of an unknown length', 'channel/full', { watch: { ...FULL_CHANNEL.watch, for: 'long' } }],
    ['a plan past its route', 'channel/full', { plan: { ...FULL_CHANNEL.plan, step: 2 } }],
    ['less than no agents', 'watch/full', { groups: { prod: { present: -1, failed: 0 } } }],
  ])('with %s is kept out', (_, key, fields) => {
    expect(faultOf(key, { ...EVERY_DOCUMENT[key], ...fields })).not.toBeNull();
  });
});
