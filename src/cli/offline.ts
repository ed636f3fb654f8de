import { type BackportNeeds, type BackportPlan, planBackports, type Urgency } from '../domain/backport.ts';
import { type MintInput, mintCloudVersion } from '../domain/cloud-release.ts';
import { type Catalogue, listedRelease, type Release } from '../domain/release.ts';
import { parseVersion, readVersion } from '../domain/version.ts';
import { explainVersion, type VersionExplanation } from '../domain/version-explanation.ts';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import { readInput } from './input.ts';

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
  return explainVersion(version, await readCatalogue(context, options));
}

/** Mints the cloud version of a commit. */
export async function mint(context: Context, input: MintInput, options: CatalogueOptions): Promise<string> {
  return mintCloudVersion(input, await readCatalogue(context, options)).text;
}

/** The branches and releases that a change goes to. Asks the server unless a file is named. */
export async function backports(
  context: Context,
  { urgency, ...needs }: BackportNeeds & { urgency: Urgency },
  options: CatalogueOptions,
): Promise<BackportPlan> {
  if (options.releases !== undefined) {
    return planBackports((await readCatalogue(context, options)).values(), urgency, needs);
  }
  const lists = Object.entries(needs).flatMap(([name, list]) => (list?.length ? [`&${name}=${list.join(',')}`] : []));
  return context.api(`/releases/backport-plan?urgency=${urgency}${lists.join('')}`);
}

/** Reads the catalogue from a file or from the server. Throws `UsageError`. */
async function readCatalogue({ api }: Context, { releases: file }: CatalogueOptions): Promise<Catalogue> {
  const releases =
    file === undefined ? (await api<{ releases: Release[] }>('/releases')).releases : await readFile(file);
  return new Map(releases.map((release) => [release.version, release]));
}

/** A history, `[{ version, date, security }]`, or what `fairway releases -o json` prints. */
async function readFile(file: string): Promise<Release[]> {
  const text = await readInput(file);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  const list = Array.isArray(content) ? content : (content as { releases?: unknown } | null)?.releases;
  if (!Array.isArray(list)) {
    throw new UsageError(
      `${file} is not a list of releases; write [{ "version": "16.4.7" }], or use the output of releases -o json`,
    );
  }
  return list.flatMap((entry: Partial<Release> & { date?: string | null }) => {
    // As on the server: histories hold versions that no agent could be served.
    const version = parseVersion(String(entry?.version ?? ''));
    if (!version) return [];
    const { date = null, ...rest } = entry;
    return [
      { ...listedRelease({ cutAt: date, security: false, version: version.text }), ...rest, version: version.text },
    ];
  });
}
