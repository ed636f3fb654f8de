import { type BackportNeeds, type BackportPlan, planBackports, type Urgency } from '../domain/backport.ts';
import { NO_BRANCH_CUTS } from '../domain/branch-cut.ts';
import { MAJOR_OVERLAP, type MintInput, mintCloudVersion } from '../domain/cloud-release.ts';
import { type Catalogue, listedRelease, type Release } from '../domain/release.ts';
import { parseVersion, readVersion } from '../domain/version.ts';
import { explainVersion, type VersionExplanation } from '../domain/version-explanation.ts';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import { readJson } from './input.ts';
import { nameOf } from './text.ts';
import type { Minted } from './types.ts';

/** Where a command gets its releases from. */
export interface CatalogueOptions {
  /** A JSON file; without it, the server's catalogue is used. */
  releases?: string;
}

export const RELEASES_OPTION = [
  '--releases <file>',
  "use this release history instead of the server's catalogue; - is standard input",
] as const;

/** Explains a version. Asks the server unless a file is named. Throws `UsageError`. */
export async function explain(context: Context, text: string, options: CatalogueOptions): Promise<VersionExplanation> {
  const version = readVersion(text);
  if (typeof version === 'string') throw new UsageError(version);
  if (options.releases === undefined) return context.api(`/versions/${encodeURIComponent(version.text)}`);
  return explainVersion(version, await readCatalogue(options.releases));
}

/** Mints the cloud version of a commit. Asks the server, which knows declared branches, unless a file is named. */
export async function mint(context: Context, input: MintInput, options: CatalogueOptions): Promise<string> {
  if (options.releases !== undefined) {
    const rules = { cuts: NO_BRANCH_CUTS, overlap: MAJOR_OVERLAP };
    return mintCloudVersion(input, await readCatalogue(options.releases), rules).text;
  }
  const { commit, at, major } = input;
  const query = new URLSearchParams({ commit, at: at.toISOString() });
  if (major !== undefined) query.set('major', String(major));
  return (await context.api<Minted>(`/releases/mint?${query}`)).version;
}

/** The branches and releases that a change goes to. Asks the server unless a file is named. */
export async function backports(
  context: Context,
  { urgency, ...needs }: BackportNeeds & { urgency: Urgency },
  options: CatalogueOptions,
): Promise<BackportPlan> {
  if (options.releases !== undefined) {
    return planBackports((await readCatalogue(options.releases)).values(), urgency, needs);
  }
  const lists = Object.entries(needs).flatMap(([name, list]) => (list?.length ? [`&${name}=${list.join(',')}`] : []));
  return context.api(`/releases/backport-plan?urgency=${urgency}${lists.join('')}`);
}

/** Reads a history, `[{ version, date, security }]`, or what `fairway releases -o json` prints. Throws `UsageError`. */
async function readCatalogue(file: string): Promise<Catalogue> {
  const { content } = await readJson(file);
  const list = Array.isArray(content) ? content : (content as { releases?: unknown } | null)?.releases;
  if (!Array.isArray(list)) {
    throw new UsageError(
      `${nameOf(file)} is not a list of releases; write [{ "version": "16.4.7" }], or use the output of releases -o json`,
    );
  }
  const catalogue = new Map<string, Release>();
  for (const entry of list as (Partial<Release> & { date?: string | null })[]) {
    // As on the server: histories hold versions that no agent could be served.
    const version = parseVersion(String(entry?.version ?? ''))?.text;
    if (version === undefined) continue;
    const { date = null, ...rest } = entry;
    catalogue.set(version, { ...listedRelease({ cutAt: date, security: false, version }), ...rest, version });
  }
  return catalogue;
}

/** Reads a major, which `name` is given: an option or an argument. Throws `UsageError`. */
export function readMajor(name: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError(`${name}: "${text}" is not a major; write it as 16`);
}
