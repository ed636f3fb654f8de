import { describe, expect, it } from 'vitest';
import { type OldSurvey, sightingOfOldForm, surveyOfOldForm } from '../../src/store/old-form.ts';

const AT = Date.UTC(2026, 0, 2);

describe('a survey of an older release', () => {
  const survey = (more: Partial<OldSurvey>): OldSurvey => ({
    channel: 'edge',
    source: 'inventory',
    at: AT,
    versions: { '17.0.0': 3 },
    skipped: 0,
    ...more,
  });
  const read = {
    channel: 'edge',
    scope: 'edge',
    at: AT,
    readAt: AT,
    complete: true,
    expired: 0,
    failing: null,
    revision: 0,
  };

  it.each([
    ['an inventory', {}, { versions: { '17.0.0': 3 } }, { agents: 3, anonymous: {} }],
    [
      'agents that could not be read',
      { skipped: 2 },
      { versions: { '17.0.0': 3, '?': 2 } },
      { agents: 5, anonymous: {} },
    ],
    [
      'metrics, whose agents have no id',
      { source: 'teleport-metrics', skipped: 1 },
      { versions: { '17.0.0': 3, '?': 1 } },
      { agents: 4, anonymous: { '17.0.0': 3, '?': 1 } },
    ],
    ['nobody', { versions: {} }, { versions: {} }, { agents: 0, anonymous: {} }],
  ] as [string, Partial<OldSurvey>, object, object][])('is read as one reading: %s', (_, more, figures, reading) => {
    expect(surveyOfOldForm(survey(more))).toEqual({
      ...read,
      source: more.source ?? 'inventory',
      unmanaged: {},
      unmappedGroups: {},
      ...figures,
      readings: [{ from: AT, until: AT, ...reading }],
    });
  });
});

describe('a sighting of an older release', () => {
  it.each([
    [
      'check-ins',
      '!edge 17.0.0 mjwb8000',
      { enrolled: false, updater: null, updaterVersion: null, group: null, listing: null },
    ],
    [
      'check-ins',
      'edge 17.0.0 mjwb8000 k = g',
      { updater: 'kube', updaterVersion: '17.0.0', group: 'g', listing: null },
    ],
    ['inventory', 'edge 17.0.0 mjwb8000 u  g', { updater: 'unit', updaterVersion: null, group: 'g', listing: true }],
  ] as const)('is read with what it did not have: %s %s', (source, packed, expected) => {
    const at = Number.parseInt('mjwb8000', 36);
    const listing = expected.listing && { at, scope: 'edge' };
    expect(sightingOfOldForm('a', source, packed)).toEqual({
      id: 'a',
      channel: 'edge',
      version: '17.0.0',
      at,
      enrolled: true,
      proven: true,
      updaterState: null,
      host: null,
      expired: false,
      ...expected,
      listing,
    });
  });

  it.each(['', 'edge', 'edge 17.0.0', '! 17.0.0 mjwb8000'])('is left out where it is none: "%s"', (packed) => {
    expect(sightingOfOldForm('a', 'check-ins', packed)).toBeNull();
  });
});
