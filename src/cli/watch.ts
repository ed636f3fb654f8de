import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { ApiError, describeError, UsageError } from './errors.ts';

/** Long enough that a server does not notice, short enough for a person who waits. */
const EVERY_MS = 2_000;

export interface WatchOptions {
  watch?: true;
}

export const withWatch = (command: Command): Command =>
  command.option('-w, --watch', 'show it again whenever it changes, until Ctrl-C');

/** Shows something once, or, with `--watch`, again and again. Rejects only if the first time fails. */
export async function watching(context: Context, { watch }: WatchOptions, show: () => Promise<void>): Promise<void> {
  if (!watch) return show();
  context.repaint();
  await show();
  for (;;) {
    await sleep(EVERY_MS);
    await show().catch((error) => {
      if (error instanceof UsageError || (error instanceof ApiError && error.problem.status < 500)) throw error;
      // A server that restarts comes back.
      context.terminal.say(describeError(context.terminal, error));
    });
  }
}
