import { describe, expect, it } from 'vitest';
import { type RefusalReason, unknownRelease } from '../../src/domain/compatibility.ts';
import { createMask, redactEntry, visibleTo, withoutEmbargo } from '../../src/domain/embargo.ts';
import type { Role } from '../../src/domain/role.ts';
import { catalogue } from './populations.ts';

const secret = (version: string) => ({ version, embargoed: true });

describe('the mask of versions under embargo', () => {
  const KNOWN = catalogue('16.4.7', secret('16.4.8'), secret('16.4.8-rc.1'), secret('17.0.0-cloud.1.abc'));

  it.each([
    ['16.4.8', 'embargoed-3'],
    ['v16.4.8', 'embargoed-3'],
    ['"16.4.8"', '"embargoed-3"'],
    ['Go to 16.4.8.', 'Go to embargoed-3.'],
    ['16.4.8, 16.4.8', 'embargoed-3, embargoed-3'],
    ['16.4.8-rc.1 then 16.4.8', 'embargoed-2 then embargoed-3'],
    ['17.0.0-cloud.1.abc', 'embargoed'],
    ['release/16.4.8', 'release/embargoed-3'],
    // A part of a longer version is another version.
    ['16.4.80', '16.4.80'],
    ['116.4.8', '116.4.8'],
    ['1.16.4.8', '1.16.4.8'],
    ['16.4.8.1', '16.4.8.1'],
    ['16.4.8-rc.2', '16.4.8-rc.2'],
    ['rev16.4.8', 'rev16.4.8'],
    // Names of artifacts.
    ['teleport-16.4.8', 'teleport-embargoed-3'],
    ['teleport-v16.4.8-linux-amd64-bin.tar.gz', 'teleport-embargoed-3-linux-amd64-bin.tar.gz'],
    ['teleport_16.4.8_amd64.deb', 'teleport_embargoed-3_amd64.deb'],
    ['teleport.16.4.8.pkg', 'teleport.embargoed-3.pkg'],
    ['16.4.8-rc.1.tar.gz', 'embargoed-2.tar.gz'],
    // The dots are dots.
    ['16x4y8', '16x4y8'],
    ['16.4.7', '16.4.7'],
  ])('turns %j into %j', (text, expected) => {
    expect(createMask(KNOWN)?.(text)).toBe(expected);
  });

  it('leaves a version as it is that the caller named', () => {
    const mask = createMask(catalogue(secret('16.4.8'), secret('16.4.9')), ['16.4.8']);
    expect(mask?.('16.4.8 and 16.4.9')).toBe('16.4.8 and embargoed');
  });

  it.each([
    ['no release is under embargo', catalogue('16.4.8'), []],
    ['no release is known', catalogue(), []],
    ['the caller named the only one', catalogue(secret('16.4.8')), ['16.4.8']],
  ])('is null if %s', (_, releases, named) => {
    expect(createMask(releases, named)).toBeNull();
  });
});

it.each<[Role, string[]]>([
  ['viewer', ['16.4.7']],
  ['operator', ['16.4.7']],
  ['release-manager', ['16.4.7', '16.4.8']],
  ['admin', ['16.4.7', '16.4.8']],
])('the catalogue that a %s sees', (role, expected) => {
  const releases = catalogue('16.4.7', secret('16.4.8'));
  expect([...visibleTo(releases, { name: 'token:x', role }).keys()]).toEqual(expected);
});

describe('an audit entry for readers who must not know of the embargo', () => {
  const entry = {
    id: 7,
    revision: 7,
    hash: 'abc',
    at: '2026-03-01T12:00:00.000Z',
    actor: 'token:ann',
    action: 'register',
    subject: 'channel/a',
    reason: 'routine',
    before: { target: '16.4.6' } as unknown,
    after: { target: '16.4.7' } as unknown,
  };
  const mask = createMask(catalogue(secret('16.4.8')));

  it.each([
    ['the subject', { subject: 'release/16.4.8' }, 'release/embargoed'],
    ['the reason', { reason: 'fixes what 16.4.8 fixes' }, 'channel/a'],
    ['the state before', { before: { lineage: ['16.4.8'] } }, 'channel/a'],
    ['the state after', { after: { target: '16.4.8' } }, 'channel/a'],
  ])('keeps only who, what and when if %s names the release', (_, over, subject) => {
    expect(mask && redactEntry({ ...entry, ...over }, mask)).toEqual({
      ...entry,
      hash: '',
      subject,
      reason: 'under embargo',
      before: null,
      after: null,
    });
  });

  it('loses only its hash if it does not name the release', () => {
    expect(mask && redactEntry(entry, mask)).toEqual({ ...entry, hash: '' });
  });
});

describe('a report for readers who must not know of the embargo', () => {
  const report = (...reasons: RefusalReason[]) => ({
    target: '16.4.8',
    reasons: reasons.map((reason) => ({ reason, detail: reason })),
  });

  it.each<[RefusalReason[], RefusalReason[]]>([
    [['release_embargoed'], ['unknown_release']],
    [
      ['agent_too_old', 'release_pulled', 'release_embargoed', 'artifacts_missing'],
      ['agent_too_old', 'unknown_release'],
    ],
    [['release_pulled'], ['release_pulled']],
    [['artifacts_missing'], ['artifacts_missing']],
    [[], []],
  ])('with %j says %j', (before, after) => {
    expect(withoutEmbargo(report(...before)).reasons.map(({ reason }) => reason)).toEqual(after);
  });

  it('says of the release what it says of one that was never registered', () => {
    expect(withoutEmbargo(report('release_embargoed')).reasons).toEqual([unknownRelease('16.4.8')]);
  });
});
