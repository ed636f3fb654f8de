import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { UsageError } from '../errors.ts';
import { type Cell, painted, pairs, type Screen, table } from '../layout.ts';
import type { Change } from '../types.ts';

/** `changes`: where a change is, for the people who made it. */
export function changeCommands(program: Command, context: Context): void {
  program
    .command('changes')
    .description('show where a change is rolled out, and what it waits for')
    .argument('<pr>', 'the number of its pull request')
    .action(async (text: string) => {
      const [, pr] = /^#?(\d{1,9})$/.exec(text) ?? [];
      if (!pr) throw new UsageError(`PR: "${text}" is not the number of a pull request; write it as 4711`);
      const change = await context.api<Change>(`/changes/${pr}`);
      context.show(change, (screen) => changeSheet(screen, change));
    });
}

function changeSheet(screen: Screen, change: Change): string {
  const { pr, title, author, significant, releases, containedIn, stages, channels, tenants, next } = change;
  const more = containedIn.releases - releases.length;
  const sheet = pairs(screen, [
    ['change', painted(`#${pr} ${title}`, 'bold')],
    ['author', author],
    ['significant', significant ? 'yes' : 'no'],
    ['releases', releases.map((release) => releaseLine(release, significant))],
    ...(more > 0 ? [['built on them', `${more}, the newest ${containedIn.newest}`] as [string, Cell]] : []),
    ['channels', someOf(channels, ({ channel, target, since }) => `${channel}: ${target}${sinceText(since)}`)],
    [
      'control planes',
      [
        `${tenants.total} of ${tenants.of} run it`,
        ...someOf(tenants, ({ controlPlane, version, since }) => `${controlPlane}: ${version}${sinceText(since)}`),
      ],
    ],
    ['next', next],
  ]);
  const rows = stages.map(({ stage, state, release, since }): Cell[] => [stage, state, release, since && time(since)]);
  return rows.length === 0 ? sheet : `${sheet}\n\n${table(screen, ['stage', 'state', 'release', 'since'], rows)}`;
}

function releaseLine({ version, signedOff, pulled }: Change['releases'][number], significant: boolean): string {
  const sign = signedOff ? `, signed off by ${who(signedOff.by)}` : significant ? ', not signed off' : '';
  return `${version}${sign}${pulled ? `, pulled: ${pulled.reason}` : ''}`;
}

function someOf<T>({ total, first }: { total: number; first: T[] }, line: (each: T) => string): string[] {
  const more = total - first.length;
  return [...first.map(line), ...(more > 0 ? [`and ${more} more`] : [])];
}

const sinceText = (since: string | null) => (since ? ` since ${time(since)}` : '');
