import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { keepAdminToken, type MadeToken } from './config/admin-token.ts';
import { ENVIRONMENT } from './config/raw.ts';
import { loadSettings, type Settings, SettingsError } from './config/settings.ts';
import { FairwayError } from './domain/errors.ts';
import { urlOf } from './listeners/listen.ts';
import { closeOnSignal } from './process/lifecycle.ts';
import { createLog } from './process/log.ts';
import { inSources } from './process/stack.ts';
import { start } from './server.ts';
import { version } from './version.ts';

const DEFAULTS = fileURLToPath(new URL('../config/default.yaml', import.meta.url));
/** The command line of a checkout; in the image it is on the PATH. */
const CHECKOUT_CLI = fileURLToPath(new URL('../fairway', import.meta.url));

const HELP = `Usage: node dist/main.js

Starts a Fairway server: a listener for agents and one for operators. It takes no arguments; settings come from
config/default.yaml, from the file that FAIRWAY_CONFIG names, and from these variables, each over the one before:

${Object.entries(ENVIRONMENT)
  .map(([variable, path]) => `  ${variable.padEnd(36)}${path.join('.')}`)
  .join('\n')}

Options:
  -h, --help    show this
  --version     show the version

To check settings without a start:  fairway config check FILE
The command line for operators:     fairway --help
`;

// Node prints the stack of an uncaught error, which names places in the bundle.
process.on('uncaughtExceptionMonitor', (error) => {
  if (error instanceof Error) error.stack = inSources(String(error.stack));
});

const [argument] = process.argv.slice(2);
if (argument !== undefined) explain(argument);

try {
  const settings = loadSettings(DEFAULTS, process.env);
  const log = createLog(settings.log.level);
  const workers = settings.workers > 1 ? await import('./listeners/workers.ts') : null;
  if (workers?.isWorker()) await workers.work(settings, log);
  else await lead(settings, log);
} catch (error) {
  // The operator gets one sentence for errors that they can fix. Any other error is a bug, and gets its stack.
  const expected = error instanceof SettingsError || error instanceof FairwayError;
  process.stderr.write(
    `fairway cannot start: ${expected ? error.message : inSources(String((error as Error).stack))}\n`,
  );
  process.exit(error instanceof SettingsError ? 2 : 1);
}

/** Answers `--help` and `--version`, and ends: the server itself takes no argument. */
function explain(argument: string): never {
  if (argument === '--version') process.stdout.write(`${version}\n`);
  else if (argument === '--help' || argument === '-h') process.stdout.write(HELP);
  else process.stderr.write(`fairway cannot start: there is no argument ${argument}; see --help\n`);
  process.exit(/^(--version|--help|-h)$/.test(argument) ? 0 : 2);
}

async function lead(settings: Settings, log: Logger): Promise<void> {
  const made = settings.tokens.length === 0 ? keepAdminToken(settings.dataDir) : null;
  const { host, port } = settings.operator;
  // Before the log, so that a person sees it first. The port 0 is known only after the start.
  if (made && port !== 0) greet(made, urlOf('http', host, port));
  const starting = start({ settings: made ? withToken(settings, made) : settings, version, log });
  closeOnSignal(starting, log);
  const server = await starting;
  if (made && port === 0) greet(made, server.operatorUrl);
}

function withToken(settings: Settings, { sha256 }: MadeToken): Settings {
  return { ...settings, tokens: [{ name: 'admin', role: 'admin', sha256 }] };
}

/** Says where the dashboard is and how to sign in; shows a new token at a terminal only, where no log collects it. */
function greet({ file, token }: MadeToken, operatorUrl: string): void {
  const secret = token && process.stdout.isTTY ? `${token}, which is` : 'that is';
  const cli = existsSync(CHECKOUT_CLI) && resolve('fairway') === CHECKOUT_CLI ? './fairway' : 'fairway';
  const word = /^[\w./-]+$/.test(file) ? file : `'${file}'`;
  process.stdout.write(
    `Dashboard: ${operatorUrl}\n` +
      `Sign in with the admin token ${secret} in ${file}; at a terminal: ${cli} login ${operatorUrl} < ${word}\n\n`,
  );
}
