import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { number } from '../../domain/words.ts';
import { channelPath } from '../client.ts';
import type { Context } from '../context.ts';
import { ApiError, EXIT } from '../errors.ts';
import { sentence } from '../layout.ts';
import type { Census, Channel } from '../types.ts';
import { readDuration } from '../until.ts';

const EVERY_MS = 2_000;

interface WaitOptions {
  for: 'agents' | 'plan';
  timeout: number;
}

/** How far a channel is; `done` once there is nothing to wait for. */
interface Progress {
  done: boolean;
  text: string;
}

/** `wait`: for scripts that go on when agents have followed. */
export function waitCommands(program: Command, context: Context): void {
  program
    .command('wait')
    .description('wait until the agents of a channel are at its target; exits 124 if the time is up')
    .argument('<channel>')
    .addOption(
      new Option('--for <what>', 'agents: all are at the target; plan: its plan has ended')
        .choices(['agents', 'plan'])
        .default('agents'),
    )
    .option('--timeout <duration>', 'give up after this long: 90s, 30m, 2h', readDuration, 3_600_000)
    .action(async (name: string, { for: what, timeout }: WaitOptions) => {
      const until = performance.now() + timeout;
      for (;;) {
        const progress = await look(context, name, what, until);
        if (progress.done || performance.now() + EVERY_MS > until) {
          context.terminal.progress('');
          if (!progress.done) context.exitCode = EXIT.late;
          const end = progress.done ? progress.text : `the time is up: ${progress.text}`;
          return context.show({ channel: name, ...progress }, (screen) => sentence(screen, end));
        }
        context.terminal.progress(progress.text);
        await sleep(EVERY_MS);
      }
    });
}

/** A store or a server that is away for a moment does not end the wait. */
async function look({ api }: Context, name: string, what: WaitOptions['for'], until: number): Promise<Progress> {
  try {
    const channel = await api<Channel>(channelPath(name));
    if (what === 'plan') {
      const { plan } = channel;
      return { done: plan === null, text: plan ? `${name} is on the way to ${plan.target}` : `${name} has no plan` };
    }
    const { target } = channel;
    const { agents, versions } = await api<Census>(`/census?channel=${encodeURIComponent(name)}`);
    const there = versions.find(({ version }) => version === target)?.count ?? 0;
    const text = `${number(there)} of ${number(agents)} agents of ${name} are at ${target ?? 'no target'}`;
    return { done: target !== null && agents > 0 && there >= agents, text };
  } catch (error) {
    const passes = !(error instanceof ApiError) || error.problem.status >= 500;
    if (passes && performance.now() < until) return { done: false, text: (error as Error).message };
    throw error;
  }
}
