import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { painted, pairs, type Screen } from '../layout.ts';
import { type CatalogueOptions, explain, mint, RELEASES_OPTION, readMajor } from '../offline.ts';
import type { TagPlan, VersionExplanation } from '../types.ts';
import { readTime } from '../until.ts';

/** `version parse` and `version mint`. */
export function versionCommands(program: Command, context: Context): void {
  const group = program.command('version').description('explain a version, or mint the next cloud version');

  group
    .command('parse')
    .description('explain a version: kind, line, branch, support, Docker tags; needs no server with --releases')
    .argument('<version>')
    .option(...RELEASES_OPTION)
    .action(async (text: string, options: CatalogueOptions) => {
      const explanation = await explain(context, text, options);
      context.show(explanation, (screen) => explanationSheet(screen, explanation));
    });

  group
    .command('mint')
    .description('the cloud version of a commit: latest stable major + 1, the time in UTC, the hash')
    .requiredOption('--commit <hash>', '6 to 40 hex digits; the longer the better')
    .option(
      '--at <time>',
      'when it is cut, as 2026-11-22T18:00:00Z, or in your time zone without the Z; now by default',
    )
    .option('--major <n>', 'the major, if two are possible because a branch was just cut')
    .option(...RELEASES_OPTION)
    .action(async (options: CatalogueOptions & { commit: string; at?: string; major?: string }) => {
      const now = new Date();
      const at = options.at === undefined ? now : readTime('--at', options.at, now);
      const major = options.major === undefined ? undefined : readMajor('--major', options.major);
      const text = await mint(context, { commit: options.commit, at, major }, options);
      context.show({ version: text }, () => text);
    });
}

function explanationSheet(screen: Screen, explanation: VersionExplanation): string {
  const { version, kind, line, branch, use, support, cutAt, hash, tags } = explanation;
  return pairs(screen, [
    ['version', painted(version, 'bold')],
    ['kind', `${kind}, for ${use}`],
    ['line', line],
    ['branch', branch],
    ['support', support === 'ended' ? painted(support, 'yellow') : support],
    ...(cutAt ? [['cut', `${time(cutAt)} from commit ${hash}`] as [string, string]] : []),
    ['tags', tagLines(tags)],
  ]);
}

/** What happens to Docker tags, a line each. */
export function tagLines({ create, move }: TagPlan): string[] {
  const moves = move.map(({ tag, from, to }) => {
    if (from === null) return `${tag}: new, at ${to}`;
    return to === null ? `${tag}: removed with ${from}` : `${tag}: moves from ${from} to ${to}`;
  });
  const lines = [...create.map((tag) => `${tag}: new, never moves`), ...moves];
  return lines.length > 0 ? lines : ['no tags are created or moved'];
}
