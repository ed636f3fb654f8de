import { type Command, InvalidArgumentError } from 'commander';
import { withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { stepsToCome, time } from '../describe.ts';
import { type Steering, type SteerOptions, steer } from '../steer.ts';
import type { Mark, Plan } from '../types.ts';
import { readUntil } from '../until.ts';

type VerbOptions = SteerOptions & { critical?: boolean; stepped?: boolean; until?: string; off?: boolean };

/** The verbs that steer a channel. Each shows the report and asks, unless told `--yes`. */
export function verbCommands(program: Command, context: Context): void {
  const run = (steering: Steering, options: SteerOptions) => steer(context, steering, options);

  moving(program.command('roll-forward'), 'move the target to a newer version')
    .argument('<channel>')
    .argument('<version>')
    .option('--critical', 'agents upgrade at once, not in their maintenance window')
    .option('--stepped', 'across majors in steps, each once it would strand nobody')
    .action((channel: string, version: string, { critical, stepped, ...options }: VerbOptions) =>
      run(
        {
          verb: 'roll-forward',
          channel,
          input: { version, critical, stepped },
          question: ({ target, plan }) => `Roll ${channel} forward to ${target}${then(plan)}?`,
          done: ({ target, plan }) => `${channel} was rolled forward to ${target}${then(plan)}`,
        },
        options,
      ),
    );

  moving(program.command('roll-back'), 'move the target to the one before, or to an older version')
    .argument('<channel>')
    .argument('[version]')
    .option('--critical', 'agents go back at once, not in their maintenance window')
    .action((channel: string, version: string | undefined, { critical, ...options }: VerbOptions) =>
      run(
        {
          verb: 'roll-back',
          channel,
          input: { version, critical },
          question: ({ target }) => `Roll ${channel} back to ${target}?`,
          done: ({ target }) => `${channel} was rolled back to ${target}`,
        },
        options,
      ),
    );

  moving(program.command('pin'), 'freeze the target, moved first if a version is named')
    .argument('<channel>')
    .argument('[version]')
    .option('--until <time>', UNTIL)
    .action((channel: string, version: string | undefined, { until, ...options }: VerbOptions) =>
      run(
        {
          verb: 'pin',
          channel,
          input: { version, until: end(until) },
          question: ({ target, pin }) => `Pin ${channel} at ${target}${ending(pin)}?`,
          done: ({ target, pin }) =>
            `${channel} is pinned at ${target}${ending(pin)}; fairway unpin ${channel} releases it`,
        },
        options,
      ),
    );

  changing(program.command('unpin'), 'let the target move again')
    .argument('<channel>')
    .action((channel: string, options: VerbOptions) =>
      run(
        {
          verb: 'unpin',
          channel,
          question: () => `Unpin ${channel}?`,
          done: () => `${channel} is not pinned any more`,
        },
        options,
      ),
    );

  changing(program.command('cancel-plan'), 'end a stepped roll-forward: the target stays where it is')
    .argument('<channel>')
    .action((channel: string, options: VerbOptions) =>
      run(
        {
          verb: 'cancel-plan',
          channel,
          question: () => `Cancel the plan of ${channel}?`,
          done: ({ target }) => `the plan of ${channel} was cancelled; it stays at ${target}`,
        },
        options,
      ),
    );

  changing(program.command('critical'), 'tell agents to upgrade outside their maintenance window, or no longer')
    .argument('<channel>')
    .option('--until <time>', UNTIL)
    .option('--off', 'no longer')
    .action((channel: string, { until, off, ...options }: VerbOptions) =>
      run(
        {
          verb: 'critical',
          channel,
          input: { critical: !off, until: end(until) },
          question: ({ critical }) => `Mark ${channel} ${critical ? 'critical' : 'not critical'}${ending(critical)}?`,
          done: ({ critical }) => `${channel} is ${critical ? 'critical' : 'not critical'}${ending(critical)}`,
        },
        options,
      ),
    );

  changing(program.command('withdraw'), 'take the target away: agents are told none and stay where they are')
    .argument('<channel>')
    .action((channel: string, options: VerbOptions) =>
      run(
        {
          verb: 'withdraw',
          channel,
          question: () => `Withdraw ${channel}?`,
          done: () => `${channel} was withdrawn; fairway roll-forward gives it a target again`,
        },
        options,
      ),
    );
}

const UNTIL = 'when it ends by itself: 90m, 2h, 3d, 18:00 or 2026-11-22T18:00:00Z';

function changing(command: Command, description: string): Command {
  return withConsent(command.description(description).option('-r, --reason <reason>', 'why, for the audit log'));
}

function moving(command: Command, description: string): Command {
  return changing(command, description).option(
    '--accept-stranding <n>',
    "break the glass: do it although that strands n agents, the report's number (needs the role admin)",
    readCount,
  );
}

function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a number of agents.');
  return Number(text);
}

const end = (until: string | undefined): string | undefined =>
  until === undefined ? undefined : readUntil(until, new Date());

const then = (plan: Plan | null): string => (plan ? `, then ${stepsToCome(plan)}` : '');

const ending = (mark: Mark | null): string => (mark?.until ? ` until ${time(mark.until)}` : '');
