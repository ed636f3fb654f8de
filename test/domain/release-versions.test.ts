import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackportNeeds, planBackports, type Urgency } from '../../src/domain/backport.ts';
import { declareCut, NO_BRANCH_CUTS } from '../../src/domain/branch-cut.ts';
import { cloudMajorFault, cloudMajors, MAJOR_OVERLAP, mintCloudVersion } from '../../src/domain/cloud-release.ts';
import { planTags } from '../../src/domain/docker-tags.ts';
import { branchOf } from '../../src/domain/release-branch.ts';
import { lineOf } from '../../src/domain/release-line.ts';
import { supportOf, supportWindow } from '../../src/domain/support.ts';
import { compareVersions, requireVersion } from '../../src/domain/version.ts';
import { explainVersion } from '../../src/domain/version-explanation.ts';
import { catalogueOf, HISTORY_CATALOGUE, PULLED } from '../support/catalogue.ts';

const AT = new Date('2024-11-12T10:15:30.789Z');
const RULES = { cuts: NO_BRANCH_CUTS, overlap: MAJOR_OVERLAP };

describe('branch and line of a version', () => {
  // RFD 12's first example, from the first build to the second minor, and RFD 134's cloud.
  it.each([
    ['6.0.0-dev', 'main', '6'],
    ['6.0.0-alpha.1', 'main', '6'],
    ['6.0.0-beta.1', 'main', '6'],
    ['6.0.0-rc.1', 'branch/v6', '6'],
    ['6.0.0-rc.3', 'branch/v6', '6'],
    ['6.1.0-rc.1', 'branch/v6', '6'],
    ['6.0.0', 'branch/v6.0', '6'],
    ['6.0.1', 'branch/v6.0', '6'],
    ['6.1.0', 'branch/v6.1', '6'],
    ['4.4.6', 'branch/v4.4', '4.4'],
    ['17.0.0-cloud.20241112T101530.f00dfac', 'main', 'cloud'],
    ['16.4.7-hotfix.1', null, '16'],
  ])('%s comes from %s, line %s', (text, branch, line) => {
    const version = requireVersion(text);
    expect(branchOf(version)).toBe(branch);
    expect(lineOf(version)).toBe(line);
  });
});

describe('backport plan', () => {
  const latest = catalogueOf(['8.0.1', '8.0.0', '7.1.2', '7.1.1', '6.3.2', '6.2.9', '5.9.9']);

  // RFD 12: "we discover a bug affecting all versions" (urgent, not urgent), and the same for security.
  it.each(['urgent', 'security'] as const)('%s: the newest minor of every supported major', (urgency) => {
    expect(planBackports(latest.values(), urgency)).toEqual({
      urgency,
      merge: 'main',
      backports: ['branch/v8', 'branch/v8.0', 'branch/v7', 'branch/v7.1', 'branch/v6', 'branch/v6.3'].map((branch) => ({
        branch,
        from: null,
      })),
      releases: [
        { version: '8.0.2', follows: '8.0.1' },
        { version: '7.1.3', follows: '7.1.2' },
        { version: '6.3.3', follows: '6.3.2' },
      ],
    });
  });

  it('not urgent: the next minor of the latest major, on a new branch', () => {
    expect(planBackports(latest.values(), 'not-urgent')).toEqual({
      urgency: 'not-urgent',
      merge: 'main',
      backports: [
        { branch: 'branch/v8', from: null },
        { branch: 'branch/v8.1', from: 'branch/v8' },
      ],
      releases: [{ version: '8.1.0', follows: '8.0.1' }],
    });
  });

  it('never reuses a number, and does not count pre-releases', () => {
    const releases = catalogueOf(['8.0.2', '8.0.1', '9.0.0-rc.1'], { '8.0.2': PULLED });
    expect(planBackports(releases.values(), 'urgent').releases).toEqual([{ version: '8.0.3', follows: '8.0.2' }]);
  });

  it('of a release that is tested: its branch gets fixes too', () => {
    const releases = catalogueOf(['9.0.0-rc.2', '9.0.0-rc.1', '8.0.1', '7.1.2', '8.1.0-rc.1']);
    const branches = (urgency: Urgency) =>
      planBackports(releases.values(), urgency).backports.map(({ branch }) => branch);
    expect(branches('urgent')).toEqual(['branch/v9', 'branch/v8', 'branch/v8.0', 'branch/v7', 'branch/v7.1']);
    expect(branches('not-urgent')).toEqual(['branch/v9', 'branch/v8', 'branch/v8.1']);
    expect(branches('next-minor')).toEqual(['branch/v8', 'branch/v8.1']);
    const only = (majors: number[]) => planBackports(releases.values(), 'urgent', { majors }).backports;
    expect(only([9])).toEqual([{ branch: 'branch/v9', from: null }]);
    expect(only([7]).map(({ branch }) => branch)).toEqual(['branch/v7', 'branch/v7.1']);
  });

  // RFD 12: "repeat for all vX that need the backport".
  it.each<[Urgency, BackportNeeds, string[], string[]]>([
    ['urgent', { majors: [7, 6] }, ['branch/v7', 'branch/v7.1', 'branch/v6', 'branch/v6.3'], ['7.1.3', '6.3.3']],
    ['security', { majors: [8] }, ['branch/v8', 'branch/v8.0'], ['8.0.2']],
    ['not-urgent', { majors: [6] }, [], []],
    [
      'not-urgent',
      { customerRequested: [7] },
      ['branch/v8', 'branch/v8.1', 'branch/v7', 'branch/v7.1'],
      ['8.1.0', '7.1.3'],
    ],
    ['next-minor', {}, ['branch/v8', 'branch/v8.1'], ['8.1.0']],
    ['next-major', {}, [], []],
    ['none', {}, [], []],
  ])('%s, %j', (urgency, needs, branches, versions) => {
    const plan = planBackports(latest.values(), urgency, needs);
    expect(plan.backports.map(({ branch }) => branch)).toEqual(branches);
    expect(plan.releases.map(({ version }) => version)).toEqual(versions);
  });

  it.each<[Urgency, BackportNeeds, RegExp]>([
    ['urgent', { majors: [5] }, /major 5 is not supported.*supported: 8, 7, 6/],
    ['not-urgent', { customerRequested: [9] }, /major 9 is not supported/],
    ['urgent', { customerRequested: [7] }, /only for a fix that is not urgent/],
  ])('%s, %j is refused', (urgency, needs, message) => {
    expect(() => planBackports(latest.values(), urgency, needs)).toThrow(message);
  });

  it('plans for the real history', () => {
    const { backports, releases } = planBackports(HISTORY_CATALOGUE.values(), 'security');
    expect(releases.map(({ version }) => version)).toEqual(['16.4.8', '15.4.11', '14.3.22']);
    expect(backports.map(({ branch }) => branch)).toContain('branch/v14.3');
  });

  it('is empty if no release is known', () => {
    expect(planBackports([], 'urgent')).toMatchObject({ backports: [], releases: [] });
  });
});

describe('support window', () => {
  it('is the latest major and the two before it', () => {
    expect(supportWindow(HISTORY_CATALOGUE)).toEqual({
      latest: 16,
      oldest: 14,
      majors: [
        { major: 16, newest: '16.4.7', releases: 19 },
        { major: 15, newest: '15.4.10', releases: 30 },
        { major: 14, newest: '14.3.21', releases: 29 },
      ],
    });
  });

  it.each([
    ['16.9.9', 'supported'],
    ['14.0.0-rc.1', 'supported'],
    ['13.4.0', 'ended'],
    ['17.0.0-cloud.20241112T101530.f00dfac', 'ahead'],
  ])('%s is %s', (version, state) => {
    expect(supportOf(requireVersion(version), HISTORY_CATALOGUE)).toBe(state);
  });

  it('is unknown without a stable release, and ignores embargoed and pulled releases', () => {
    expect(supportOf(requireVersion('16.0.0'), new Map())).toBe('unknown');
    const catalogue = catalogueOf(['18.0.0', '17.0.0', '16.4.7', '17.0.0-rc.1'], {
      '18.0.0': PULLED,
      '17.0.0': { embargoed: true },
    });
    expect(supportWindow(catalogue).latest).toBe(16);
  });
});

describe('Docker tags', () => {
  const known = [...HISTORY_CATALOGUE.keys()];

  it.each([
    ['16.4.7', ['16.4.7'], [{ tag: '16', from: '16.4.6', to: '16.4.7' }]],
    ['17.0.0', ['17.0.0'], [{ tag: '17', from: null, to: '17.0.0' }]],
    ['15.4.23', ['15.4.23'], [{ tag: '15', from: '15.4.10', to: '15.4.23' }]],
    ['15.4.8', ['15.4.8'], []],
    ['16.5.0-rc.1', ['16.5.0-rc.1'], []],
    ['17.0.0-cloud.20241112T101530.f00dfac', ['17.0.0-cloud.20241112T101530.f00dfac'], []],
  ])('%s gets its own tag, and the tag of its major only if it is the newest', (version, create, move) => {
    expect(planTags(requireVersion(version), catalogueOf([...known, version]))).toEqual({ create, move });
  });

  it('move back when the newest release is pulled', () => {
    const catalogue = catalogueOf(known, { '16.4.7': PULLED });
    const back = { create: [], move: [{ tag: '16', from: '16.4.7', to: '16.4.6' }] };
    expect(planTags(requireVersion('16.4.7'), catalogue)).toEqual(back);
  });

  it('are not planned for an embargoed release, whose version is in no other plan', () => {
    const catalogue = catalogueOf([...known, '16.4.8', '16.4.9'], { '16.4.8': { embargoed: true } });
    expect(planTags(requireVersion('16.4.8'), catalogue)).toEqual({ create: [], move: [] });
    expect(planTags(requireVersion('16.4.9'), catalogue).move).toEqual([{ tag: '16', from: '16.4.7', to: '16.4.9' }]);
  });

  it('never have the form X.Y', () => {
    for (const text of known) {
      const { create, move } = planTags(requireVersion(text), HISTORY_CATALOGUE);
      for (const tag of [...create, ...move.map((each) => each.tag)]) expect(tag).not.toMatch(/^\d+\.\d+$/);
    }
  });
});

describe('cloud versions', () => {
  const catalogue = catalogueOf(['16.4.7', '15.4.10']);
  const cut = catalogueOf(['16.4.7', '17.0.0-rc.1']);

  it.each([
    ['0123456789abcdef', '17.0.0-cloud.20241112T101530.0123456789a', 'longer, because digits only would not be semver'],
    ['1234567890', '17.0.0-cloud.20241112T101530.1234567890', 'digits only, if there are no more digits'],
    ['ABCDEF0123456', '17.0.0-cloud.20241112T101530.abcdef0', 'hex digits in any case'],
    ['aabbcc', '17.0.0-cloud.20241112T101530.aabbcc', 'six digits, as in RFD 134'],
  ])('mints %s as %s: %s', (commit, version) => {
    expect(mintCloudVersion({ commit, at: AT }, catalogue, RULES).text).toBe(version);
  });

  it.each([
    ['0123456', 'starts with 0'],
    ['abc', 'not a commit hash'],
    ['not-a-hash', 'not a commit hash'],
  ])('refuses the commit %s: %s', (commit, sentence) => {
    expect(() => mintCloudVersion({ commit, at: AT }, catalogue, RULES)).toThrow(sentence);
  });

  it('are valid and sort by time, whatever the hash', () => {
    const hash = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 });
    const seconds = fc.integer({ min: 1_600_000_000, max: 4_000_000_000 });
    fc.assert(
      fc.property(hash, hash, seconds, fc.integer({ min: 1, max: 1e8 }), (one, other, at, later) => {
        fc.pre(/[a-f]/.test(one) && /[a-f]/.test(other));
        const first = mintCloudVersion({ commit: one, at: new Date(at * 1000) }, catalogue, RULES);
        const second = mintCloudVersion({ commit: other, at: new Date((at + later) * 1000) }, catalogue, RULES);
        expect(one.startsWith(first.cloud?.hash ?? 'none')).toBe(true);
        expect(compareVersions(first, second)).toBeLessThan(0);
      }),
    );
  });

  const rc = (cutAt: string | null) => catalogueOf(['16.4.7', '17.0.0-rc.1'], { '17.0.0-rc.1': { cutAt } });
  const alpha = (branch?: string) =>
    catalogueOf(['16.4.7', '17.0.0-alpha.1'], { '17.0.0-alpha.1': { branch, cutAt: '2024-11-10T00:00:00Z' } });
  const both = catalogueOf(['16.4.7', '17.0.0-rc.1', '17.0.0'], { '17.0.0-rc.1': { cutAt: '2024-11-10' } });

  it.each([
    ['latest stable + 1', catalogue, [17]],
    ['the next one as well, once its branch was cut', cut, [17, 18]],
    ['both until two weeks after the cut', rc('2024-11-01'), [17, 18]],
    ['only the next one after that', rc('2024-10-01'), [18]],
    ['both where the time of the cut is not known', rc(null), [17, 18]],
    ['not raised by an alpha of main', alpha(), [17]],
    ['raised by an alpha of the branch', alpha('branch/v17'), [17, 18]],
    ['only the next one, once the first is stable', catalogueOf(['16.4.7', '17.0.0-rc.1', '17.0.0']), [18]],
    ['both for two weeks, although the first is stable', both, [17, 18]],
    ['not changed by another pre-release', catalogueOf(['16.4.7', '17.0.0-beta.1', '16.5.0-rc.1']), [17]],
    ['not changed by an embargoed release', catalogueOf(['16.4.7', '17.0.0'], { '17.0.0': { embargoed: true } }), [17]],
    ['unknown without a stable release', catalogueOf(['17.0.0-rc.1']), []],
  ])('majors: %s', (_, releases, majors) => {
    expect(cloudMajors(releases, { ...RULES, at: AT })).toEqual(majors);
  });

  it('rise when a person declares the cut', () => {
    const act = { by: 'token:rm', at: new Date('2024-11-12T09:00:00Z'), reason: 'cut' };
    const cuts = declareCut(NO_BRANCH_CUTS, 17, catalogue, act);
    expect(cuts).toEqual({ cuts: [{ major: 17, by: 'token:rm', at: act.at.toISOString(), reason: 'cut' }] });
    if (cuts === null) return;
    expect(cloudMajors(catalogue, { ...RULES, cuts, at: AT })).toEqual([17, 18]);
    expect(cloudMajors(catalogue, { ...RULES, cuts, at: new Date('2024-12-12') })).toEqual([18]);
    expect(declareCut(cuts, 17, catalogue, act)).toBeNull();
    expect(declareCut(NO_BRANCH_CUTS, 17, cut, act)).toBeNull();
    expect(() => declareCut(NO_BRANCH_CUTS, 18, catalogue, act)).toThrow('the next branch to be cut is branch/v17');
    expect(() => declareCut(NO_BRANCH_CUTS, 17, new Map(), act)).toThrow('import the release history');
  });

  it('explains why a major is wrong, and when it will be allowed', () => {
    const rules = { ...RULES, at: AT };
    const version = requireVersion('18.0.0-cloud.20241112T101530.f00dfac');
    expect(cloudMajorFault(version, catalogue, rules)).toContain(
      '17 now (latest stable + 1), not 18; 18 is allowed once 17.0.0-rc.1',
    );
    expect(cloudMajorFault(version, cut, rules)).toBeNull();
    expect(cloudMajorFault(version, new Map(), rules)).toContain('import the release history');
    const mint = (major: number, releases = cut) =>
      mintCloudVersion({ commit: 'f00dface', at: AT, major }, releases, RULES);
    expect(() => mint(18, catalogue)).toThrow('not 18');
    expect(mint(17).major).toBe(17);
    expect(mintCloudVersion({ commit: 'f00dface', at: AT }, cut, RULES).major).toBe(18);
  });
});

describe('an explanation', () => {
  it('has everything that the version shows', () => {
    expect(explainVersion(requireVersion('v17.0.0-cloud.20241112T101530.f00dfac'), HISTORY_CATALOGUE)).toEqual({
      version: '17.0.0-cloud.20241112T101530.f00dfac',
      kind: 'cloud',
      line: 'cloud',
      branch: 'main',
      use: 'the stages of the cloud',
      support: 'ahead',
      cutAt: '2024-11-12T10:15:30.000Z',
      hash: 'f00dfac',
      tags: { create: ['17.0.0-cloud.20241112T101530.f00dfac'], move: [] },
    });
  });
});
