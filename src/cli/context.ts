import type { Command } from 'commander';
import { stringify } from 'yaml';
import { type Api, createClient, readUrl } from './client.ts';
import { EXIT, UsageError } from './errors.ts';
import { type Screen, screenOf, sentence } from './layout.ts';
import { DEFAULT_URL, readLogin } from './login-file.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** Moves to the top and clears what is below. */
const CLEAR_SCREEN = '\x1b[H\x1b[J';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** What every command works with. */
export interface Context {
  api: Api;
  /** The operator listener that `api` calls, and the token to use there. */
  server(): { url: string; token: string | undefined };
  terminal: Terminal;
  /** Prints the result: `value` as JSON or YAML, or, for people, the text that `table` makes of it. */
  show(value: unknown, table: (screen: Screen) => string): void;
  /** Standard output as it is, for what is no document. */
  stdout: NodeJS.WriteStream;
  /** From now on, a result replaces the one before on the screen, and one that is the same is not printed again. */
  repaint(): void;
  /** The exit status; a command that succeeded but has bad news sets it. */
  exitCode: number;
}

/** Creates the context, which reads nothing before a command needs it, so that `--help` works without a token. */
export function createContext(program: Command, process: NodeJS.Process): Context {
  const { env, stdout } = process;
  const options = () => program.opts<{ url?: string; output: Format }>();
  let client: Api | undefined;

  function server(): { url: string; token: string | undefined } {
    const login = readLogin(env);
    const url = options().url ?? (env.FAIRWAY_URL || login?.url || DEFAULT_URL);
    // A saved token is sent only to the server it was saved for.
    const saved = login && readUrl(login.url).origin === readUrl(url).origin ? login.token : undefined;
    return { url, token: env.FAIRWAY_TOKEN || saved };
  }

  function connect(): Api {
    const { url, token } = server();
    if (token) return createClient(url, token, warn);
    throw new UsageError(`you are not signed in to ${url}; run fairway login, or set FAIRWAY_TOKEN`);
  }

  function warn(warning: string): void {
    context.terminal.say(sentence(context.terminal, `fairway: ${warning}`));
    context.exitCode = EXIT.unreplicated;
  }

  /** What `repaint` compares with; null if results are simply printed. */
  let painted: string | null = null;

  function write(result: string): void {
    const text = result.endsWith('\n') ? result : `${result}\n`;
    if (painted === text) return;
    const before = painted ? (stdout.isTTY ? CLEAR_SCREEN : '\n') : '';
    if (painted !== null) painted = text;
    stdout.write(before + text);
  }

  const context: Context = {
    api: async (path, request) => {
      client ??= connect();
      return client(path, request);
    },
    server,
    terminal: openTerminal(process),
    show(value, table) {
      const { output } = options();
      if (output === 'json') return write(JSON.stringify(value, null, 2));
      if (output === 'yaml') return write(toYaml(value));
      return write(table(screenOf(stdout, env)));
    },
    repaint() {
      painted ??= '';
    },
    stdout,
    exitCode: EXIT.done,
  };
  return context;
}

/** YAML without aliases: an alias would tie together two values that only happen to be equal. */
export const toYaml = (value: unknown): string => stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
