import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairwayError } from '../../src/domain/errors.ts';
import {
  compareVersions,
  MAX_VERSION_LENGTH,
  parseVersion,
  readVersion,
  requireVersion,
  VERSION_KINDS,
} from '../../src/domain/version.ts';

const longest = `1.2.3-${'a'.repeat(MAX_VERSION_LENGTH - 6)}`;

describe('reading a version', () => {
  it.each([
    ['17.4.2', '17.4.2', 'stable'],
    ['v17.4.2', '17.4.2', 'stable'],
    ['0.0.0', '0.0.0', 'stable'],
    ['v6.0.0-dev', '6.0.0-dev', 'dev'],
    ['17.0.0-dev.1', '17.0.0-dev.1', 'dev'],
    ['6.0.0-alpha.1', '6.0.0-alpha.1', 'alpha'],
    ['6.0.0-beta.1', '6.0.0-beta.1', 'beta'],
    ['6.0.0-rc.3', '6.0.0-rc.3', 'rc'],
    ['v14.0.0-cloud.20230712T123633.aabbcc', '14.0.0-cloud.20230712T123633.aabbcc', 'cloud'],
    ['15.0.0-aa', '15.0.0-aa', 'other'],
    ['15.0.0-rc1', '15.0.0-rc1', 'other'],
    ['15.0.0-stable', '15.0.0-stable', 'other'],
    ['15.0.0-RC.1', '15.0.0-RC.1', 'other'],
    ['15.0.0-Cloud.20230712T123633.aabbcc', '15.0.0-Cloud.20230712T123633.aabbcc', 'other'],
    ['15.0.0-0', '15.0.0-0', 'other'],
    [longest, longest, 'other'],
  ])('reads %s as %s, %s', (text, canonical, kind) => {
    expect(readVersion(text)).toMatchObject({ text: canonical, kind });
  });

  it.each([
    ['nothing', ''],
    ['a word', 'latest'],
    ['the answer of a withdrawn channel', 'none'],
    ['two parts', '16.4'],
    ['four parts', '1.2.3.4'],
    ['a leading zero', '16.04.7'],
    ['a leading zero in the suffix', '16.4.7-rc.01'],
    ['an empty suffix', '16.4.7-'],
    ['an empty part of the suffix', '16.4.7-rc..1'],
    ['a negative number', '-1.2.3'],
    ['a number beyond safe integers', '9007199254740993.0.0'],
    ['two leading v', 'vv16.4.7'],
    ['a capital V', 'V16.4.7'],
    ['a leading =', '=16.4.7'],
    ['a v and a =', 'v=16.4.7'],
    ['a leading space', ' 16.4.7'],
    ['a trailing space', '16.4.7 '],
    ['a trailing line break', '16.4.7\n'],
    ['a space within', '16. 4.7'],
    ['a range', '^16.4.7'],
    ['two versions', '16.4.7 16.4.8'],
    ['two lines', '16.4.7\n16.4.8'],
    ['a page of HTML', '<html>16.4.7</html>'],
    ['a character outside of ASCII', '16.4.７'],
    ['build metadata', '16.4.7+build.5'],
    ['build metadata behind a suffix', '16.4.7-rc.1+5'],
    ['one character too many', `${longest}a`],
    ['a very long text', '1'.repeat(1_000_000)],
  ])('refuses %s', (_, text) => {
    expect(parseVersion(text)).toBeNull();
  });

  it('says what is wrong', () => {
    expect(readVersion('16.4.7+5')).toMatch(/build metadata/);
    expect(readVersion('16.4')).toMatch(/X\.Y\.Z/);
    expect(readVersion('1'.repeat(101))).toMatch(/at most 100 characters/);
    expect(readVersion('16.1.0-cloud.20230712T123633.aabbcc')).toMatch(/cloud version.*minor and patch 0/);
  });

  it('throws the same sentence if a version is required', () => {
    expect(() => requireVersion('16.4')).toThrow(new FairwayError('invalid', String(readVersion('16.4'))));
  });
});

/** Protocol.md, "A trap in the grammar": identifiers of digits only. */
describe('the digits-only trap', () => {
  it.each([
    '16.0.0-cloud.20260822123456.0123456',
    '16.0.0-cloud.20260822123456.1234567',
    '16.0.0-cloud.20260822T123456.0123456',
    '16.0.0-cloud.20260822T123456.0000000',
  ])('refuses %s', (text) => {
    expect(parseVersion(text)).toBeNull();
  });

  it.each(['16.0.0-cloud.20260822T123456.0123456', '16.4.7-rc.01', '16.0.0-cloud.20260822123456.0000000'])(
    'explains how to fix %s',
    (text) => {
      const identifier = text.slice(text.lastIndexOf('.') + 1);
      expect(readVersion(text)).toMatch(`"${identifier}" has digits only and must not begin with 0`);
      expect(/cloud/.test(text)).toBe(/use more digits of the commit's hash/.test(String(readVersion(text))));
    },
  );

  it.each([
    ['digits only', '1234567'],
    ['digits only, too many for a number', '1234567890123456789012345678901234567890'],
    ['a leading zero before a letter', '012345a'],
    ['what reads like a number with an exponent', '123456e7'],
  ])('reads a hash of %s', (_, hash) => {
    const text = `16.0.0-cloud.20260822T123456.${hash}`;
    expect(parseVersion(text)).toMatchObject({ text, cloud: { hash } });
  });
});

describe('precedence', () => {
  // Ascending. Protocol.md: "-cloud.* below -rc.1 and between -beta and -dev"; "(N-1).0.0-aa sorts below alpha".
  const ascending = [
    '15.4.22',
    '16.0.0-aa',
    '16.0.0-alpha.1',
    '16.0.0-alpha.2',
    '16.0.0-alpha.10',
    '16.0.0-beta.1',
    '16.0.0-cloud.20260821T235959.ffffff',
    '16.0.0-cloud.20260822T123456.aaaaaa',
    '16.0.0-cloud.20260822T123457.000000a',
    '16.0.0-cloud.20261001T000000.aaaaaa',
    '16.0.0-dev.1',
    '16.0.0-rc.1',
    '16.0.0-rc.2',
    '16.0.0',
    '16.0.1',
    '16.4.9',
    '16.4.10',
    '16.10.0',
    '17.0.0-cloud.20200101T000000.aaaaaa',
    '17.0.0',
    '100.0.0',
  ];

  it('orders kinds, cloud versions of a major by time, and numbers as numbers', () => {
    const shuffled = [...ascending].sort();
    expect(shuffled.sort(compareVersions)).toEqual(ascending);
    expect(
      shuffled
        .map(requireVersion)
        .sort(compareVersions)
        .map(({ text }) => text),
    ).toEqual(ascending);
  });

  it('gives texts and parsed versions the same order, with and without v', () => {
    expect(compareVersions('v16.4.7', requireVersion('16.4.7'))).toBe(0);
    expect(compareVersions('v16.4.6', requireVersion('v16.4.7'))).toBeLessThan(0);
  });
});

const part = fc.nat({ max: 30 });
const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
const hash = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 6, maxLength: 40 });
const cloud = fc
  .tuple(part, time, hash)
  .map(([major, at, commit]) => `${major}.0.0-cloud.${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}.${commit}`);
const suffix = fc.oneof(
  fc.constant(''),
  fc.tuple(fc.constantFrom(...VERSION_KINDS), fc.nat()).map(([kind, n]) => `-${kind}.${n}`),
  fc.stringMatching(/^-[0-9A-Za-z.-]{1,20}$/),
);
const plain = fc.tuple(part, part, part, suffix).map(([x, y, z, rest]) => `${x}.${y}.${z}${rest}`);
const versionText = fc
  .tuple(fc.constantFrom('', 'v'), fc.oneof(plain, cloud))
  .map(([prefix, rest]) => prefix + rest)
  .filter((text) => parseVersion(text) !== null);

describe('any version', () => {
  it('reads back from its canonical text', () => {
    fc.assert(
      fc.property(versionText, (text) => {
        const version = requireVersion(text);
        expect(requireVersion(version.text)).toEqual(version);
        expect(requireVersion(`v${version.text}`)).toEqual(version);
      }),
    );
  });

  it('has a canonical text that can be an image tag: no v, no +, no white space, not too long', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          versionText,
          fc.string(),
          versionText.map((text) => `${text}\n`),
        ),
        (text) => {
          expect(parseVersion(text)?.text ?? '0.0.0').toMatch(/^\d[0-9A-Za-z.-]{4,99}$/);
        },
      ),
    );
  });

  it('compares the other way round with the opposite sign', () => {
    fc.assert(
      fc.property(versionText, versionText, (a, b) => {
        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
        expect(compareVersions(a, a)).toBe(0);
      }),
    );
  });

  it('sorts independently of the initial order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(versionText, { maxLength: 8, comparator: (a, b) => compareVersions(a, b) === 0 }),
        (texts) => {
          const sorted = [...texts].sort(compareVersions);
          expect([...texts].reverse().sort(compareVersions)).toEqual(sorted);
        },
      ),
    );
  });

  it('sorts by time if it is a cloud version, within a major', () => {
    fc.assert(
      fc.property(part, time, time, hash, hash, (major, a, b, hashA, hashB) => {
        const [first, second] = [
          parseVersion(`${major}.0.0-cloud.${stamp(a)}.${hashA}`),
          parseVersion(`${major}.0.0-cloud.${stamp(b)}.${hashB}`),
        ];
        fc.pre(first?.cloud != null && second?.cloud != null && stamp(a) !== stamp(b));
        expect(Math.sign(compareVersions(first, second))).toBe(
          Math.sign(first.cloud.cutAt.getTime() - second.cloud.cutAt.getTime()),
        );
      }),
    );
  });
});

const stamp = (at: Date) => at.toISOString().slice(0, 19).replace(/[-:]/g, '');
