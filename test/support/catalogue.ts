import { readFileSync } from 'node:fs';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import { parseVersion } from '../../src/domain/version.ts';

/** A catalogue of published releases, with `changes` laid over some of them. */
export function catalogueOf(
  versions: readonly string[],
  changes: Record<string, Partial<Release>> = {},
): Map<string, Release> {
  return new Map(
    versions.map((version) => [
      version,
      { ...listedRelease({ version, cutAt: null, security: false }), ...changes[version] },
    ]),
  );
}

/** Teleport's release history as its changelog lists it, up to 16.4.7. */
export const HISTORY: { version: string; date: string | null; security: boolean }[] = JSON.parse(
  readFileSync('test/fixtures/teleport-releases.json', 'utf8'),
);

export const HISTORY_CATALOGUE = catalogueOf(HISTORY.flatMap(({ version }) => parseVersion(version)?.text ?? []));

export const PULLED = { pulled: { reason: 'crashes', by: 'token:rm', at: '2024-11-12T00:00:00.000Z' } };
