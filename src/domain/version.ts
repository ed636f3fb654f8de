// Imported one by one: loading all of semver takes twice as long.
import compare from 'semver/functions/compare.js';
import parse from 'semver/functions/parse.js';
import { type CloudStamp, readCloudStamp } from './cloud-version.ts';
import { FairwayError } from './errors.ts';

/** What a version is for, by its suffix (RFD 12, Suffixes; RFD 134 for `cloud`). */
export const VERSION_KINDS = ['stable', 'rc', 'beta', 'alpha', 'dev', 'cloud', 'other'] as const;
export type VersionKind = (typeof VERSION_KINDS)[number];

/** A parsed version. `text` is canonical: `X.Y.Z` or `X.Y.Z-pre`, without `v`. */
export interface Version {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly kind: VersionKind;
  readonly cloud: CloudStamp | null;
}

export const MAX_VERSION_LENGTH = 100;

/** Versions that were read: a census reads the same ones thousands of times. */
const MOST_KEPT = 16_384;
let recent = new Map<string, Version | string>();
let former = new Map<string, Version | string>();

/** Reads a version with or without a leading `v`. Returns the version, or a sentence that says what is wrong. */
export function readVersion(text: string): Version | string {
  if (text.length > MAX_VERSION_LENGTH) return `a version has at most ${MAX_VERSION_LENGTH} characters`;
  const known = recent.get(text);
  if (known !== undefined) return known;
  const version = former.get(text) ?? parseText(text);
  if (recent.size === MOST_KEPT) {
    former = recent;
    recent = new Map();
  }
  recent.set(text, version);
  return version;
}

function parseText(text: string): Version | string {
  // An image tag cannot contain a plus sign, so no agent could install such a version.
  if (text.includes('+')) return `"${text}" has build metadata, which an image tag cannot contain; leave out "+…"`;
  // semver's parse would ignore spaces around it.
  const parsed = /^v?\d\S*$/.test(text) ? parse(text.replace(/^v/, '')) : null;
  if (!parsed) return `"${text}" is not a version; ${howToWriteIt(text)}`;
  const kind = kindOf(parsed.prerelease);
  const cloud = kind === 'cloud' ? readCloudStamp(parsed) : null;
  if (typeof cloud === 'string') return `"${text}" is not a cloud version: ${cloud}`;
  return { text: parsed.version, major: parsed.major, minor: parsed.minor, patch: parsed.patch, kind, cloud };
}

function howToWriteIt(text: string): string {
  const zeros = /^v?\d+\.\d+\.\d+-(?:[\w.-]*\.)?(0\d+)(?:\.|$)/.exec(text)?.[1];
  if (!zeros) return 'write it as X.Y.Z or X.Y.Z-suffix (https://semver.org)';
  // 0.4 % of commit hashes are like this when shortened to 7 digits.
  const todo = text.includes('-cloud.') ? "; use more digits of the commit's hash" : '';
  return `"${zeros}" has digits only and must not begin with 0 (https://semver.org)${todo}`;
}

/** The version that `text` is, or null. */
export function parseVersion(text: string): Version | null {
  const version = readVersion(text);
  return typeof version === 'string' ? null : version;
}

/** The version that `text` is; throws `invalid` if it is not one. */
export function requireVersion(text: string): Version {
  const version = readVersion(text);
  if (typeof version === 'string') throw new FairwayError('invalid', version);
  return version;
}

/** Semver precedence; negative when `a` sorts before `b`. Cloud versions of one major sort by their time. */
export function compareVersions(a: Version | string, b: Version | string): number {
  const [first, second] = [versionOf(a), versionOf(b)];
  if (typeof first === 'string' || typeof second === 'string') return compare(textOf(a), textOf(b));
  return (
    order(first.major, second.major) ||
    order(first.minor, second.minor) ||
    order(first.patch, second.patch) ||
    // Without suffixes there is nothing left to compare.
    (first.kind === 'stable' && second.kind === 'stable' ? 0 : compare(first.text, second.text))
  );
}

const order = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
const versionOf = (version: Version | string) => (typeof version === 'string' ? readVersion(version) : version);
const textOf = (version: Version | string) => (typeof version === 'string' ? version : version.text);

function kindOf(prerelease: readonly (string | number)[]): VersionKind {
  const [suffix] = prerelease;
  if (suffix === undefined) return 'stable';
  return VERSION_KINDS.find((kind) => kind === suffix && kind !== 'stable') ?? 'other';
}
