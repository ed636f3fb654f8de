import { describe, expect, it } from 'vitest';
import { NO_BRANCH_CUTS } from '../../src/domain/branch-cut.ts';
import { MAJOR_OVERLAP } from '../../src/domain/cloud-release.ts';
import { createRelease, digestOf, type Registration } from '../../src/domain/registration.ts';
import type { Release } from '../../src/domain/release.ts';
import { catalogueOf } from '../support/catalogue.ts';
import { catalogue } from './populations.ts';

const COMMIT = 'f00dfac0123456789abcdef0123456789abcdef0';
const CLOUD = '17.0.0-cloud.20241112T101530.f00dfac';
const AT = new Date('2026-03-01T12:00:00.000Z');
const BY = { by: 'token:ci', at: AT, cuts: NO_BRANCH_CUTS, overlap: MAJOR_OVERLAP };
const KNOWN = catalogue('16.4.7');

const registration = (over: Partial<Registration> = {}): Registration => ({
  version: CLOUD,
  commit: COMMIT,
  cutAt: '2024-11-12T10:15:30Z',
  ...over,
});
const change = (pr: number, over: object = {}) => ({ pr, title: `change ${pr}`, significant: true, ...over });

describe('a registered release', () => {
  it('has defaults for what CI leaves out', () => {
    expect(createRelease(registration(), KNOWN, BY)).toEqual({
      version: CLOUD,
      commit: COMMIT,
      cutAt: '2024-11-12T10:15:30.000Z',
      previous: null,
      security: false,
      embargoed: false,
      artifacts: {
        controlPlane: { state: 'absent', at: null },
        packages: { state: 'absent', at: null },
        helm: { state: 'absent', at: null },
      },
      changes: [],
      pulled: null,
      registered: { by: 'token:ci', at: AT.toISOString(), digest: digestOf(registration()) },
    });
  });

  it.each<[string, Partial<Registration>, object]>([
    ['a version with v', { version: 'v16.4.8' }, { version: '16.4.8' }],
    ['a previous version with v', { previous: 'v16.4.7' }, { previous: '16.4.7' }],
    ['a commit in capitals', { commit: COMMIT.toUpperCase() }, { commit: COMMIT }],
    ['a time with an offset', { cutAt: '2024-11-12T12:15:30+02:00' }, { cutAt: '2024-11-12T10:15:30.000Z' }],
    ['an embargo', { security: true, embargoed: true }, { security: true, embargoed: true }],
    [
      'artifacts, whose states were reached now',
      { artifacts: { packages: 'published', helm: 'building' } },
      {
        artifacts: {
          controlPlane: { state: 'absent', at: null },
          packages: { state: 'published', at: AT.toISOString() },
          helm: { state: 'building', at: AT.toISOString() },
        },
      },
    ],
    ['the branch of an alpha', { version: '17.0.0-alpha.1', branch: 'branch/v17' }, { branch: 'branch/v17' }],
    ['changes, none signed off', { changes: [change(1)] }, { changes: [{ ...change(1), signedOff: null }] }],
  ])('keeps %s', (_, over, expected) => {
    expect(createRelease(registration(over), KNOWN, BY)).toMatchObject(expected);
  });

  it.each<[string, Partial<Registration>, string[]]>([
    ['the latest stable major + 1', {}, ['16.4.7']],
    [
      'the one after it, once its branch was cut',
      { version: '18.0.0-cloud.20241112T101530.f00dfac' },
      ['16.4.7', '17.0.0-rc.1'],
    ],
    ['a shorter commit than the version names', { commit: 'f00dfa' }, ['16.4.7']],
    ['any major of a stable release', { version: '12.0.0' }, []],
    ['the first alpha of a major', { version: '17.0.0-alpha.1' }, ['16.4.7']],
    ['a beta of a minor', { version: '16.5.0-beta.2' }, ['16.4.7']],
    ['a release candidate of a patch', { version: '16.4.8-rc.1' }, ['16.4.7']],
    ['a stamp some minutes before the time of the cut', { cutAt: '2024-11-12T10:20:00Z' }, ['16.4.7']],
    ['a previous release of the major before', { previous: '16.4.7' }, ['16.4.7']],
  ])('may be of %s', (_, over, known) => {
    expect(() => createRelease(registration(over), catalogue(...known), BY)).not.toThrow();
  });

  it.each<[string, Partial<Registration>, string[], RegExp]>([
    ['a major of today', { version: '16.0.0-cloud.20241112T101530.f00dfac' }, ['16.4.7'], /must be 17 now.*not 16$/],
    [
      'a major too early',
      { version: '18.0.0-cloud.20241112T101530.f00dfac' },
      ['16.4.7'],
      /18 is allowed once 17\.0\.0-rc\.1 is registered, or .*cut-branch 17/,
    ],
    ['a cloud major without a history', {}, [], /import the release history first/],
    ['another commit than its version', { commit: 'abc1234' }, ['16.4.7'], /does not belong to commit abc1234/],
    ['a cloud release of a branch', { branch: 'branch/v17' }, ['16.4.7'], /not cut from branch\/v17 but from main/],
    ['a patch of main', { version: '16.4.8', branch: 'main' }, ['16.4.7'], /but from branch\/v16\.4/],
    ['alpha without a number', { version: '17.0.0-alpha' }, ['16.4.7'], /write it as 17\.0\.0-alpha\.1/],
    ['rc without a number', { version: '17.0.0-rc' }, ['16.4.7'], /no number after "rc"/],
    ['beta with a word', { version: '17.0.0-beta.one' }, ['16.4.7'], /no number after "beta"/],
    ['rc with more behind its number', { version: '17.0.0-rc.1.2' }, ['16.4.7'], /no number after "rc"/],
    [
      'an alpha of a patch',
      { version: '16.4.8-alpha.1' },
      ['16.4.7'],
      /patches are cut from branch\/v16\.4; register 16\.4\.8/,
    ],
    ['a beta of a patch', { version: '16.4.8-beta.1' }, ['16.4.7'], /patches are cut from branch/],
    ['a candidate of what is out', { version: '16.4.7-rc.2' }, ['16.4.7'], /16\.4\.7 is registered/],
    [
      'a cut in the future',
      { version: '16.4.8', cutAt: '2026-03-01T12:10:00Z' },
      ['16.4.7'],
      /is in the future; set the clock/,
    ],
    [
      'a stamp in the future',
      { version: '17.0.0-cloud.20270101T000000.f00dfac', cutAt: '2027-01-01T00:00:00Z' },
      ['16.4.7'],
      /is in the future/,
    ],
    [
      'a stamp that is not the time of the cut',
      { cutAt: '2024-11-12T10:25:00Z' },
      ['16.4.7'],
      /must agree within 5 minutes/,
    ],
    [
      'a stamp below that of its previous release',
      { previous: '17.0.0-cloud.20241113T000000.c0ffee1' },
      ['16.4.7'],
      /sorts below 17\.0\.0-cloud\.20241113T000000\.c0ffee1, its previous release/,
    ],
    ['a change twice', { changes: [change(1), change(2), change(1)] }, ['16.4.7'], /change 1 is listed twice/],
  ])('must not be of %s', (_, over, known, message) => {
    expect(() => createRelease(registration(over), catalogue(...known), BY)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) }),
    );
  });
});

describe('a cloud release that is registered after one whose stamp is later', () => {
  const later = '17.0.0-cloud.20241113T000000.c0ffee1';
  const at = (changes: Partial<Release>) => new Map([...KNOWN, ...catalogueOf([later], { [later]: changes })]);
  const registered = { by: 'token:ci', at: AT.toISOString(), digest: '' };

  it('is refused, because the other would hold it up', () => {
    expect(() => createRelease(registration(), at({ registered }), BY)).toThrow(
      /sorts below .*c0ffee1.*cut a newer release/,
    );
  });

  it('is taken if the other only stands in a history, or is of another major', () => {
    expect(() => createRelease(registration(), at({ registered: null }), BY)).not.toThrow();
    const next = registration({ version: '18.0.0-cloud.20241112T101530.f00dfac' });
    const known = new Map([...at({ registered }), ...catalogue('17.0.0-rc.1')]);
    expect(() => createRelease(next, known, BY)).not.toThrow();
  });
});

describe('the digest of a registration', () => {
  it.each<[string, Partial<Registration>]>([
    ['defaults that are written out', { security: false, embargoed: false, changes: [], artifacts: {} }],
    ['an absent set', { artifacts: { helm: 'absent' } }],
    ['v before the version', { version: `v${CLOUD}` }],
    ['capitals in the commit', { commit: COMMIT.toUpperCase() }],
    ['the same moment in another zone', { cutAt: '2024-11-12T12:15:30+02:00' }],
  ])('is the same for %s', (_, over) => {
    expect(digestOf(registration(over))).toBe(digestOf(registration()));
  });

  it.each<[string, Partial<Registration>]>([
    ['version', { version: '16.4.8' }],
    ['commit', { commit: 'f00dfac' }],
    ['time', { cutAt: '2024-11-12T10:15:31Z' }],
    ['previous release', { previous: '16.4.7' }],
    ['branch', { branch: 'main' }],
    ['security', { security: true }],
    ['embargo', { embargoed: true }],
    ['artifacts', { artifacts: { helm: 'building' } }],
    ['changes', { changes: [change(1)] }],
  ])('differs with the %s', (_, over) => {
    expect(digestOf(registration(over))).not.toBe(digestOf(registration()));
  });

  it.each<[string, object]>([
    ['title', { title: 'another' }],
    ['significance', { significant: false }],
  ])('differs with the %s of a change', (_, over) => {
    expect(digestOf(registration({ changes: [change(1, over)] }))).not.toBe(
      digestOf(registration({ changes: [change(1)] })),
    );
  });
});
