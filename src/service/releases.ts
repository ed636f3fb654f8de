import type { Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { releaseKey, replace, type Stored } from '../domain/snapshot.ts';
import { compareVersions, readVersion } from '../domain/version.ts';
import type { Control } from './control.ts';

/** A release as a history lists it. */
export interface ListedRelease {
  version: string;
  date: string | null;
  security: boolean;
}

export interface ImportResult {
  received: number;
  /** New to the catalogue, or changed. */
  imported: number;
  unchanged: number;
  /** Entries whose version no agent could be told. */
  skipped: { version: string; detail: string }[];
}

export interface Releases {
  /** Newest first by precedence. */
  list(): Stored<Release>[];
  /** Takes a release history over into the catalogue, all of it or nothing. What is known besides stays. */
  import(history: ListedRelease[], actor: Actor): Promise<ImportResult>;
}

/** The catalogue of known releases. */
export function createReleases(control: Control, now: () => Date): Releases {
  return {
    list: () => [...control.snapshot().releases.values()].sort((a, b) => compareVersions(b.version, a.version)),

    async import(history, actor) {
      const known = control.snapshot().releases;
      const skipped: ImportResult['skipped'] = [];
      const changed = new Map<string, Release>();
      let unchanged = 0;
      for (const { version: text, date, security } of history) {
        const version = readVersion(text);
        if (typeof version === 'string') {
          skipped.push({ version: text, detail: version });
          continue;
        }
        const before = known.get(version.text);
        if (before?.date === date && before.security === security) unchanged++;
        else changed.set(version.text, { ...(before ?? NEW_RELEASE), version: version.text, date, security });
      }
      if (changed.size > 0) {
        const writes = [...changed].map(([version, release]) =>
          replace(releaseKey(version), known.get(version), release),
        );
        await control.commit(writes, {
          at: now().toISOString(),
          actor: actor.name,
          action: 'import-releases',
          subject: 'releases',
          reason: '',
          before: null,
          after: { imported: changed.size, unchanged, skipped: skipped.length },
        });
      }
      return { received: history.length, imported: changed.size, unchanged, skipped };
    },
  };
}

/** What a history lists has been published. */
const NEW_RELEASE = { embargoed: false, packages: 'published', pulled: null } as const;
