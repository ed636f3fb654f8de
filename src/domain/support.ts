import { derivedOnce } from './derived.ts';
import { type Catalogue, publicStables } from './release.ts';
import type { Version } from './version.ts';

/** The latest major and the two before it are supported (RFD 12). */
export const SUPPORTED_MAJORS = 3;

/** The supported majors, newest first, each with its newest release and how many there are. */
export interface SupportWindow {
  /** Null while no stable release is known. */
  latest: number | null;
  oldest: number | null;
  majors: { major: number; newest: string; releases: number }[];
}

/** `ahead`: the major has no stable release yet; `unknown`: no stable release is known. */
export type SupportState = 'supported' | 'ended' | 'ahead' | 'unknown';

export const supportWindow = derivedOnce((catalogue: Catalogue): SupportWindow => {
  const stables = publicStables(catalogue);
  const latest = stables[0]?.major ?? null;
  const oldest = latest === null ? null : latest - SUPPORTED_MAJORS + 1;
  const majors = new Map<number, SupportWindow['majors'][number]>();
  for (const { major, text } of stables) {
    if (oldest !== null && major < oldest) break;
    const known = majors.get(major) ?? { major, newest: text, releases: 0 };
    majors.set(major, { ...known, releases: known.releases + 1 });
  }
  return { latest, oldest, majors: [...majors.values()] };
});

/** The lowest supported major, or null while no stable release is known. */
export const oldestSupportedMajor = (catalogue: Catalogue): number | null => supportWindow(catalogue).oldest;

export function supportOf({ major }: Version, catalogue: Catalogue): SupportState {
  const { latest, oldest } = supportWindow(catalogue);
  if (latest === null || oldest === null) return 'unknown';
  if (major > latest) return 'ahead';
  return major < oldest ? 'ended' : 'supported';
}
