import { describe, expect, it } from 'vitest';
import { createChannel, DEFAULT_SETTINGS, withdraw } from '../../src/domain/channel.ts';
import type { Release } from '../../src/domain/release.ts';
import { assessTools, findToolsFallback, toolsVersionOf } from '../../src/domain/tools.ts';
import type { VersionKind } from '../../src/domain/version.ts';
import { artifacts, catalogue, PULLED, v } from './populations.ts';

type Known = string | (Partial<Release> & { version: string });

describe('a version for client tools', () => {
  const STABLE: VersionKind[] = ['stable'];

  it.each<[string, Known[], VersionKind[], boolean, string[]]>([
    ['published', ['16.4.8'], STABLE, true, []],
    [
      'published without Helm charts, which tools do not need',
      [{ version: '16.4.8', artifacts: artifacts('published', 'absent') }],
      STABLE,
      true,
      [],
    ],
    [
      'without packages',
      [{ version: '16.4.8', artifacts: artifacts('building') }],
      STABLE,
      true,
      ['artifacts_missing'],
    ],
    ['pulled', [{ version: '16.4.8', pulled: PULLED }], STABLE, false, ['release_pulled']],
    ['under embargo', [{ version: '16.4.8', embargoed: true }], STABLE, false, ['release_embargoed']],
    ['of a kind that the channel does not accept', ['16.4.8'], ['cloud'], true, ['kind_not_accepted']],
    ['unknown to a strict catalogue', [], STABLE, true, ['unknown_release']],
    ['unknown to a catalogue that is not strict', [], STABLE, false, []],
  ])('that is %s', (_, known, accepts, strict, reasons) => {
    const report = assessTools(v('16.4.8'), { accepts, strict, catalogue: catalogue(...known) }, null);
    expect(report.target).toBe('16.4.8');
    expect(report.reasons.map(({ reason }) => reason)).toEqual(reasons);
  });
});

describe('a control plane', () => {
  it.each<[string, string, string[]]>([
    ['16.4.7', '16.4.8', []],
    ['16.4.7', '15.4.8', []],
    ['16.4.7', '14.3.0', ['target_behind_control_plane']],
    ['16.4.7', '17.0.0', ['target_ahead_of_control_plane']],
  ])('at %s and client tools at %s', (plane, tools, reasons) => {
    const policy = { accepts: ['stable' as const], strict: false, catalogue: catalogue() };
    const report = assessTools(v(tools), policy, { name: 'main', version: v(plane) });
    expect(report.reasons.map(({ reason }) => reason)).toEqual(reasons);
    for (const { detail } of report.reasons) expect(detail).toMatch(/control plane main.*would refuse client tools/);
    expect(assessTools(v(tools), policy, { name: 'main', version: null }).reasons).toEqual([]);
  });
});

describe('client tools whose release is pulled, and whose agents cannot go back, get', () => {
  const plane = (text: string | null) => text && { name: 'main', version: v(text) };
  it.each<[string, string, string[], Known[], string | null, string | null]>([
    ['the newest former target', '17.0.1', ['16.4.6', '16.4.7', '17.0.1'], [], '17.0.1', '16.4.7'],
    ['a newer release of the catalogue', '17.0.1', ['16.4.7', '17.0.1'], ['16.4.8', '16.4.9'], '17.0.1', '16.4.9'],
    ['their own major (vN with vN)', '17.0.1', ['16.4.7'], ['17.0.0'], '17.0.1', '17.0.0'],
    ['the major before (vN−1)', '17.0.0', ['15.4.9', '16.4.7'], [], '17.0.0', '16.4.7'],
    ['nothing two majors below', '18.0.0', ['16.4.7'], ['16.9.0'], '18.0.0', null],
    ['nothing of a major above', '17.0.1', [], ['17.0.0', '16.4.7', '15.4.9'], '15.4.9', '15.4.9'],
    ['no later release', '16.4.8', ['16.4.7'], ['16.4.9', '17.0.0'], '16.4.7', '16.4.7'],
    [
      'none that was pulled as well',
      '17.0.1',
      ['16.4.7', '16.4.8'],
      [{ version: '16.4.8', pulled: PULLED }],
      '17.0.1',
      '16.4.7',
    ],
    ['none under embargo', '17.0.1', ['16.4.7'], [{ version: '16.4.8', embargoed: true }], '17.0.1', '16.4.7'],
    [
      'none without packages',
      '17.0.1',
      ['16.4.7'],
      [{ version: '16.4.8', artifacts: artifacts('building') }],
      '17.0.1',
      '16.4.7',
    ],
    ['none of another kind', '17.0.1', ['16.4.7'], ['17.0.1-rc.1'], '17.0.1', '16.4.7'],
    ['the newest where no control plane is known', '17.0.1', ['16.4.7'], ['15.0.0'], null, '16.4.7'],
    ['nothing where nothing is known', '17.0.1', [], [], '17.0.1', null],
  ])('%s', (_, bad, lineage, known, runs, expected) => {
    const policy = { accepts: ['stable' as const], strict: false, catalogue: catalogue(...known) };
    expect(findToolsFallback(v(bad), { lineage }, policy, plane(runs) || null)?.text ?? null).toBe(expected);
  });
});

describe('what client tools are served', () => {
  const ACT = { by: 'test', at: new Date('2026-03-01T12:00:00Z'), reason: 'test' };
  const channel = (target: string | null, toolsVersion: string | null) =>
    createChannel('a', { ...DEFAULT_SETTINGS, toolsVersion }, target === null ? null : v(target), ACT);

  it.each<[string, ReturnType<typeof channel>, Known[], string | null]>([
    ['the target, if no version is set for them', channel('16.4.7', null), [], '16.4.7'],
    ['the version that is set for them', channel('16.4.7', '16.4.8'), ['16.4.8'], '16.4.8'],
    ['a version that the catalogue does not know', channel('16.4.7', '16.4.8'), [], '16.4.8'],
    [
      'the target instead of a pulled version',
      channel('16.4.7', '16.4.8'),
      [{ version: '16.4.8', pulled: PULLED }],
      '16.4.7',
    ],
    [
      'the target instead of a version under embargo',
      channel('16.4.7', '16.4.8'),
      [{ version: '16.4.8', embargoed: true }],
      '16.4.7',
    ],
    [
      'nothing instead of a pulled version without a target',
      channel(null, '16.4.8'),
      [{ version: '16.4.8', pulled: PULLED }],
      null,
    ],
    ['their version without a target', channel(null, '16.4.8'), [], '16.4.8'],
    ['their version after the target was withdrawn', withdraw(channel('16.4.7', '16.4.8'), ACT), [], '16.4.8'],
    ['nothing', channel(null, null), [], null],
    ['what a pull left for them', { ...channel(null, null), toolsFallback: '16.4.6' }, ['16.4.6'], '16.4.6'],
    ['the target before that', { ...channel('16.4.7', null), toolsFallback: '16.4.6' }, [], '16.4.7'],
    [
      'nothing if that was pulled as well',
      { ...channel(null, null), toolsFallback: '16.4.6' },
      [{ version: '16.4.6', pulled: PULLED }],
      null,
    ],
  ])('is %s', (_, served, known, expected) => {
    expect(toolsVersionOf(served, catalogue(...known))).toBe(expected);
  });
});
