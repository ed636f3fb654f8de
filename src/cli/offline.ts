import { type BackportPlan, planBackports, type Urgency } from '../domain/backport.ts';
import { type MintInput, mintCloudVersion } from '../domain/cloud-release.ts';
import { type Catalogue, listedRelease, type Release } from '../domain/release.ts';
import { parseVersion, readVersion } from '../domain/version.ts';
import { explainVersion, type VersionExplanation } from '../domain/version-explanation.ts';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import { readInput } from './input.ts';

/** Where the releases come from that a command works with. */
export interface CatalogueOptions {
  /** A JSON file; without it the server is asked. */
  releases?: string;
}

export const RELEASES_OPTION = [
  '--releases <file>',
  'a release history to work with, instead of the catalogue of the server; - is standard input',
] as const;

/** What a version says. Asks the server unless a file is named. Throws `UsageError`. */
export async function explain(context: Context, text: string, options: CatalogueOptions): Promise<VersionExplanation> {
  const version = readVersion(text);
  if (typeof version === 'string') throw new UsageError(version);
  if (options.releases === undefined) return context.api(`/versions/${encodeURIComponent(version.text)}`);
  return explainVersion(version, await readCatalogue(context, options));
}

/** The cloud version of a commit. */
export async function mint(context: Context, input: MintInput, options: CatalogueOptions): Promise<string> {
  return mintCloudVersion(input, await readCatalogue(context, options)).text;
}

/** Where a fix goes. Asks the server unless a file is named. */
export async function backports(context: Context, urgency: Urgency, options: CatalogueOptions): Promise<BackportPlan> {
  if (options.releases === undefined) return context.api(`/releases/backport-plan?urgency=${urgency}`);
  return planBackports((await readCatalogue(context, options)).values(), urgency);
}

/** The catalogue of a file or of the server. Throws `UsageError`. */
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
      `${file} is no list of releases; write [{ "version": "16.4.7" }] or name what releases -o json printed`,
    );
  }
  return list.flatMap((entry: Partial<Release> & { date?: string | null }) => {
    // As the server does: histories hold some that nobody could be told.
    const version = parseVersion(String(entry?.version ?? ''));
    if (!version) return [];
    const { date = null, ...rest } = entry;
    return [
      { ...listedRelease({ cutAt: date, security: false, version: version.text }), ...rest, version: version.text },
    ];
  });
}
