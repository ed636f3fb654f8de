import type { Command } from 'commander';
import { count } from '../../domain/words.ts';
import { createClient, readAll, readUrl } from '../client.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { readInput } from '../input.ts';
import { DEFAULT_URL, forgetLogin, readLogin, saveLogin } from '../login-file.ts';
import type { Channel } from '../types.ts';

/** `login` and `logout`: where the server is, and the token to use there. */
export function loginCommands(program: Command, context: Context, env: NodeJS.ProcessEnv): void {
  const { terminal } = context;

  program
    .command('login')
    .description('save a URL and a token; the token is asked for, or read from standard input')
    .argument('[url]', 'URL of the operator listener')
    .action(async (argument: string | undefined) => {
      const url = argument ?? program.opts<{ url?: string }>().url ?? (env.FAIRWAY_URL || (await askUrl()));
      if (readUrl(url).protocol === 'http:' && !isLoopback(url)) {
        terminal.say(`${url} is not https: anyone on the network path can read the token`);
      }
      const typed = terminal.interactive ? await terminal.askSecret('Token (not shown):') : await readInput('-');
      const token = typed.trim();
      if (!token) throw new UsageError('there is no token; type it, or pipe it in: fairway login URL < FILE');
      // It is sent in a header.
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new UsageError('this is not a token: tokens have no spaces and no lines');
      // A token that does not work is noticed now, not at three in the morning.
      const client = createClient(url, token, () => {});
      const { channels } = await readAll<'channels', Channel>(client, '/channels', 'channels');
      const file = saveLogin(env, { url, token });
      context.show({ url, file }, () => {
        return `signed in to ${url}, which has ${count(channels.length, 'channel')}; the token is saved in ${file}`;
      });
    });

  program
    .command('logout')
    .description('delete the saved URL and token')
    .action(async () => {
      const file = forgetLogin(env);
      context.show({ file }, () => `signed out: ${file} was deleted`);
    });

  async function askUrl(): Promise<string> {
    const usual = readLogin(env)?.url ?? DEFAULT_URL;
    return (terminal.interactive && (await terminal.ask(`URL of the operator listener [${usual}]:`))) || usual;
  }
}

const isLoopback = (url: string): boolean => /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(new URL(url).hostname);
