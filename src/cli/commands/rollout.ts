import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import { channelPath } from '../client.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { time, watchRows } from '../describe.ts';
import { type Cell, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import type { Rollout, RolloutResult } from '../types.ts';

interface VerbOptions extends ConsentOptions {
  reason?: string;
  group?: string;
  skipCanaries?: boolean;
  force?: boolean;
}

const LOOK_EVERY_MS = 2_000;

/** `rollout`: a channel's way to its target, group after group. */
export function rolloutCommands(program: Command, context: Context): void {
  const group = program.command('rollout').description('lead a channel to its target, group after group');
  const path = (channel: string, verb = '') => `${channelPath(channel)}/rollout${verb}`;

  group
    .command('show', { isDefault: true })
    .description('show the groups, their agents, and what each of them waits for')
    .argument('<channel>')
    .option('-w, --watch', 'show it again whenever it changes, until it is done, halted or paused')
    .action(async (channel: string, { watch }: { watch?: boolean }) => {
      let shown = '';
      for (;;) {
        const rollout = await context.api<Rollout>(path(channel));
        const text = JSON.stringify(rollout);
        if (text !== shown) context.show(rollout, (screen) => `${shown ? '\n' : ''}${rolloutSheet(screen, rollout)}`);
        shown = text;
        if (!watch || !['unstarted', 'active'].includes(rollout.state)) return;
        await sleep(LOOK_EVERY_MS);
      }
    });

  const verb = (name: string, description: string, question: (channel: string, group?: string) => string) =>
    withConsent(group.command(name).description(description).argument('<channel>'))
      .option('-r, --reason <reason>', 'why, for the audit log')
      .action(async (channel: string, options: VerbOptions) => {
        const { reason: given, yes, dryRun, ...input } = options;
        requireTerminal(context, options);
        const reason = await requireReason(context, given);
        const before = await context.api<Rollout>(path(channel));
        const post = (how: object) =>
          context.api<RolloutResult>(path(channel, `/${name}`), {
            method: 'POST',
            body: { ...input, reason, ...how },
            ifMatch: before.revision,
          });
        if (!dryRun && !yes) {
          const { rollout } = await post({ dryRun: true });
          context.terminal.say(`${rolloutSheet(context.terminal, rollout)}\n\n`);
          await requireConsent(context, options, question(channel, options.group));
        }
        const result = await post(dryRun ? { dryRun } : {});
        const head = dryRun ? 'nothing was changed; this is what it would be:' : null;
        context.show(result, (screen) =>
          [...(head ? [sentence(screen, head)] : []), rolloutSheet(screen, result.rollout)].join('\n\n'),
        );
      });
  const named = (one: string | undefined) => (one ? `group ${one} of ` : '');
  const ofGroup = (command: Command, which: string) => command.option('-g, --group <group>', which);

  ofGroup(
    verb(
      'start',
      'begin a group now, whatever its window says',
      (channel, one) => `Start ${named(one) || 'the next group of '}${channel}?`,
    ),
    'the group; by default the next one',
  )
    .option('--skip-canaries', 'go on without canaries')
    .option('--force', 'although groups before it are not done')
    .option('--override-freeze', 'although a freeze holds (needs the role admin)');
  ofGroup(
    verb(
      'done',
      'end a group: all of its agents go to the target',
      (channel, one) => `End ${named(one) || 'the present group of '}${channel}?`,
    ),
    'the group; by default the one that is under way',
  )
    .option('--force', 'although its agents have not followed')
    .option('--override-freeze', 'although a freeze holds (needs the role admin)');
  ofGroup(
    verb(
      'roll-back',
      'take the rollout, or one group, back to the start version',
      (channel, one) => `Take ${named(one)}${channel} back?`,
    ),
    'only this group',
  );
  verb('pause', 'tell nobody new, until it is resumed', (channel) => `Pause the rollout of ${channel}?`);
  verb('resume', 'go on where it was halted or paused', (channel) => `Resume the rollout of ${channel}?`);
  ofGroup(
    verb(
      'reset',
      'begin again, or let a group begin again that was rolled back',
      (channel, one) => `Reset ${named(one)}${channel}?`,
    ),
    'only this group',
  );
}

const STYLES: Partial<Record<Rollout['state'] | Rollout['groups'][number]['state'], 'green' | 'red' | 'yellow'>> = {
  done: 'green',
  halted: 'red',
  paused: 'yellow',
  rolledback: 'red',
};

const styled = (state: keyof typeof STYLES): Cell => {
  const style = STYLES[state];
  return style ? painted(state, style) : state;
};

/** As `tctl autoupdate agents status` prints it, with what each group waits for. */
export function rolloutSheet(screen: Screen, rollout: Rollout): string {
  const { channel, from, to, state, startedAt, startedBy, reason, halted, paused, groups, next } = rollout;
  const stopped = halted ?? paused;
  const head: [string, Cell | Cell[]][] = [
    ['channel', channel],
    ['from', from],
    ['to', to],
    ['state', styled(state)],
    ['started', `${time(startedAt)} by ${who(startedBy)}, reason: ${reason}`],
    ...(stopped ? [[state, `${time(stopped.at)} by ${who(stopped.by)}: ${stopped.reason}`] as [string, Cell]] : []),
    ['next', next],
    ...watchRows(rollout.watch),
  ];
  const rows = groups.map((group): Cell[] => [
    group.name,
    styled(group.state),
    group.state === 'unstarted' ? null : `${group.wave} %`,
    group.agents,
    group.told,
    group.atTarget,
    group.reverted,
    group.vanished,
    group.failed,
    group.pinned,
    group.waitsFor,
  ]);
  const headings = [
    'group',
    'state',
    'wave',
    'agents',
    'told',
    'at target',
    'reverted',
    'vanished',
    'failed',
    'pinned',
  ];
  const canaries = groups.flatMap(({ name, state: its, canaries: all }) =>
    its === 'canary' ? all.map(({ id, host, state: now }): Cell[] => [name, host ?? id, now]) : [],
  );
  return [
    pairs(screen, head),
    table(screen, [...headings, 'waits for'], rows),
    ...(canaries.length > 0 ? [table(screen, ['group', 'canary', 'state'], canaries)] : []),
  ].join('\n\n');
}
