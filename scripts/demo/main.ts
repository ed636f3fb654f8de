import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT, merge, readEnvironment, readYaml } from '../../src/config/raw.ts';
import { validate } from '../../src/config/settings.ts';
import { closeOnSignal } from '../../src/process/lifecycle.ts';
import { createLog } from '../../src/process/log.ts';
import { version } from '../../src/version.ts';
import { startDemo } from './demo.ts';

const DEFAULTS = fileURLToPath(new URL('../config/default.yaml', import.meta.url));
/** Only the addresses can be chosen; the demo brings everything else. */
const OPEN = ['FAIRWAY_HOST', 'FAIRWAY_PORT', 'FAIRWAY_OPERATOR_HOST', 'FAIRWAY_OPERATOR_PORT'];

const dataDir = mkdtempSync(join(tmpdir(), 'fairway-demo-'));
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));

const chosen = Object.fromEntries(
  Object.keys(ENVIRONMENT).map((name) => [name, OPEN.includes(name) ? process.env[name] : '']),
);
const here = { public: { host: '127.0.0.1' } };
const base = merge(merge(readYaml(DEFAULTS), here), readEnvironment(chosen));
// What the server logs about the trouble is part of the story, and is found on its pages.
const log = createLog('fatal');

process.stdout.write('The demo is starting: nine days of a fleet take some seconds …\n');
try {
  const starting = startDemo({
    base,
    dataDir,
    secret: () => randomBytes(18).toString('base64url'),
    settingsOf: validate,
    version,
    log,
  });
  closeOnSignal(starting, log);
  const { operatorUrl, publicUrl, people, agents, channels } = await starting;
  const [admin] = people;
  process.stdout.write(
    `\nDashboard: ${operatorUrl}\nSign in there with a click. At a terminal, in this directory: ` +
      `export FAIRWAY_URL=${operatorUrl} FAIRWAY_TOKEN=${admin?.token}; ./fairway status\n\n` +
      `${agents.toLocaleString('en')} agents on ${channels} channels poll ${publicUrl}. On one channel, agents undo their upgrade: ` +
      'find out where and why, and roll that channel back.\nCtrl-C ends the demo; nothing is kept.\n',
  );
} catch (error) {
  process.stderr.write(`the demo cannot start: ${(error as Error).message}\n`);
  process.exit(1);
}
