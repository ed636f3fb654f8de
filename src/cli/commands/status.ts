import type { Command } from 'commander';
import { number } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { type Cell, painted, pairs, type Screen, type Style, sentence } from '../layout.ts';
import type { Status } from '../types.ts';

/** Troubles of one kind that get a line each. */
const SHOWN = 5;

/** `status`: what is wrong, before anything else. */
export function statusCommands(program: Command, context: Context): void {
  program
    .command('status')
    .description('show what is wrong and what to do about it, the worst first')
    .action(async () => {
      const status = await context.api<Status>('/status');
      context.show(status, (screen) => statusSheet(screen, status));
    });
}

type Group = Status['groups'][number];

const STYLES: Record<Group['severity'], Style> = { bad: 'red', warn: 'yellow', note: 'bold' };

function statusSheet(screen: Screen, { groups }: Status): string {
  if (groups.length === 0) return sentence(screen, 'nothing is wrong');
  return pairs(
    screen,
    groups.map((group) => [group.severity, linesOf(group)]),
  );
}

function linesOf({ severity, headline, troubles }: Group): Cell[] {
  const rest = troubles.length - SHOWN;
  const lines = troubles.slice(0, SHOWN).map(({ channel, release, detail }) => {
    const where = channel ?? release;
    return where === null ? detail : `${where}: ${detail}`;
  });
  return [
    painted(headline, STYLES[severity]),
    ...lines,
    ...(rest > 0 ? [`and ${number(rest)} more; for all: fairway status -o json`] : []),
  ];
}
