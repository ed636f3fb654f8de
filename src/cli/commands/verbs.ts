import type { Command } from 'commander';
import { readCount, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { stepsToCome, time } from '../describe.ts';
import { type Steering, type SteerOptions, steer } from '../steer.ts';
import type { Mark, Plan } from '../types.ts';
import { describeTime, readTime } from '../until.ts';

type VerbOptions = SteerOptions & {
  critical?: boolean;
  stepped?: boolean;
  immediate?: boolean;
  overrideFreeze?: boolean;
  until?: string;
  at?: string;
  off?: boolean;
};

/** The verbs that steer a channel. Each shows the report and asks, unless `--yes` is given. */
export function verbCommands(program: Command, context: Context): void {
  const run = (steering: Steering, options: SteerOptions) => steer(context, steering, options);

  moving(program.command('roll-forward'), 'move the target to a newer version')
    .argument('<channel>')
    .argument('<version>')
    .option('--critical', 'agents upgrade at once, not in their maintenance window')
    .option('--stepped', 'cross majors in steps, each as soon as it strands no agent')
    .option('--immediate', 'to all groups of the channel at once')
    .option('--at <time>', AT)
    .option('--override-freeze', OVERRIDE_FREEZE)
    .action(
      (
        channel: string,
        version: string,
        { critical, stepped, immediate, at, overrideFreeze, ...options }: VerbOptions,
      ) =>
        run(
          {
            verb: 'roll-forward',
            channel,
            input: { version, critical, stepped, immediate, at: start(context, at, options), overrideFreeze },
            question: ({ target, plan }) => `Roll ${channel} forward to ${target}${then(plan)}?`,
            done: ({ target, plan }) => `${channel} was rolled forward to ${target}${then(plan)}`,
          },
          options,
        ),
    );

  moving(program.command('roll-back'), 'move the target back to the previous version, or to an older one')
    .argument('<channel>')
    .argument('[version]')
    .option('--critical', 'agents go back at once, not in their maintenance window')
    .option('--at <time>', AT)
    .option('--override-freeze', OVERRIDE_FREEZE)
    .action((channel: string, version: string | undefined, { critical, at, overrideFreeze, ...options }: VerbOptions) =>
      run(
        {
          verb: 'roll-back',
          channel,
          input: { version, critical, at: start(context, at, options), overrideFreeze },
          question: ({ target }) => `Roll ${channel} back to ${target}?`,
          done: ({ target }) => `${channel} was rolled back to ${target}`,
        },
        options,
      ),
    );

  moving(program.command('pin'), 'keep the target where it is, or at the version you name')
    .argument('<channel>')
    .argument('[version]')
    .option('--until <time>', UNTIL)
    .option('--at <time>', AT)
    .option('--override-freeze', OVERRIDE_FREEZE)
    .action((channel: string, version: string | undefined, { until, at, overrideFreeze, ...options }: VerbOptions) =>
      run(
        {
          verb: 'pin',
          channel,
          input: {
            version,
            until: end(context, until, options),
            at: start(context, at, options),
            overrideFreeze,
          },
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
          done: () => `${channel} is no longer pinned`,
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

  changing(program.command('release'), 'let a held channel go: stages, plans and promotions move it again')
    .argument('<channel>')
    .action((channel: string, options: VerbOptions) =>
      run(
        {
          verb: 'release',
          channel,
          question: () => `Let ${channel} go?`,
          done: () => `${channel} is no longer held`,
        },
        options,
      ),
    );

  moving(program.command('critical'), 'tell agents to upgrade now, outside their maintenance window')
    .argument('<channel>')
    .option('--until <time>', UNTIL)
    .option('--off', 'stop telling them that')
    .action((channel: string, { until, off, ...options }: VerbOptions) =>
      run(
        {
          verb: 'critical',
          channel,
          input: { critical: !off, until: end(context, until, options) },
          question: ({ critical }) => `Mark ${channel} ${critical ? 'critical' : 'not critical'}${ending(critical)}?`,
          done: ({ critical }) => `${channel} is ${critical ? 'critical' : 'not critical'}${ending(critical)}`,
        },
        options,
      ),
    );

  changing(program.command('withdraw'), 'remove the target: agents get no version and stay where they are')
    .argument('<channel>')
    .option('--at <time>', AT)
    .action((channel: string, { at, ...options }: VerbOptions) =>
      run(
        {
          verb: 'withdraw',
          channel,
          input: { at: start(context, at, options) },
          question: () => `Withdraw ${channel}?`,
          done: () => `${channel} was withdrawn; to give it a target again: fairway roll-forward ${channel} VERSION`,
        },
        options,
      ),
    );
}

const OVERRIDE_FREEZE = 'although a freeze holds (needs the role admin)';
const UNTIL = 'when it ends: 90m, 2h, 3d, 18:00, tomorrow 08:00, 2026-11-22T18:00 or 2026-11-22T18:00:00Z';

const AT = 'when to do it, instead of now: 2h, 18:00, tomorrow 04:00, 2026-11-22T18:00 or 2026-11-22T18:00:00Z';

function changing(command: Command, description: string): Command {
  return withConsent(command.description(description).option('-r, --reason <reason>', 'why, for the audit log'));
}

function moving(command: Command, description: string): Command {
  return changing(command, description).option(
    '--accept-stranding <n>',
    'override a refusal and strand n agents, the number in the report (needs the role admin)',
    readCount,
  );
}

/** The end as the API takes it, once the person has seen which moment that is. */
function end(context: Context, until: string | undefined, { yes }: SteerOptions): string | undefined {
  return moment(context, 'until', until, yes);
}

/** When it begins, as the API takes it, once the person has seen which moment that is. */
function start(context: Context, at: string | undefined, { yes }: SteerOptions): string | undefined {
  return moment(context, 'at', at, yes);
}

function moment(context: Context, name: 'at' | 'until', text: string | undefined, yes = false): string | undefined {
  if (text === undefined) return undefined;
  const at = readTime(`--${name}`, text, new Date());
  if (!yes) context.terminal.say(`${name} ${describeTime(at)}\n`);
  return at.toISOString();
}

const then = (plan: Plan | null): string => (plan ? `, then ${stepsToCome(plan)}` : '');

const ending = (mark: Mark | null): string => (mark?.until ? ` until ${time(mark.until)}` : '');
