import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asKept, commandLine } from '../support/cli.ts';
import { QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

const NOW = new Date('2026-11-22T12:00:00Z');

/** Every command runs in its own process. */
const LONG = 180_000;

/** Sessions whose whole output is kept in `golden/NAME.txt`; UPDATE_GOLDEN=1 writes it again. */
const SESSIONS: Record<string, string[]> = {
  steering: [
    'channels',
    'show stable/cloud',
    'check stable/cloud 16.4.7',
    'check stable/cloud 18.0.0',
    'roll-forward stable/cloud 16.4.7 --dry-run --reason try',
    'roll-forward stable/cloud 16.4.7 --yes --reason first',
    'roll-forward stable/cloud 16.4.7 --yes --reason again',
    'roll-forward stable/cloud 17.0.0 --yes --reason eager',
    'pin stable/cloud --until 2026-11-22T18:00:00Z --yes --reason incident-12',
    'roll-back stable/cloud --yes --reason incident-12',
    'show stable/cloud',
    'unpin stable/cloud --yes --reason over',
    'roll-back stable/cloud --yes --critical --reason bad',
    'critical stable/cloud --off --yes --reason calm',
    'critical stable/cloud --until 2026-11-23T00:00:00Z --yes --reason hurry',
    'roll-back stable/cloud --yes --reason further',
    'withdraw stable/cloud --yes --reason stop',
    'channels',
    'audit --limit 3',
    'audit verify',
  ],
  fleet: [
    'census stable/cloud',
    'agents',
    'inventory import --channel stable/cloud inventory.json',
    'census',
    'census stable/cloud',
    'agents --limit 2',
    'agents --older-than 16.0.0',
    'agents --channel stable/cloud --at 16.4.6',
    'explain node-0',
    'explain nobody',
    'roll-forward stable/cloud 17.0.0 --yes --reason eager',
    'control-planes report main 17.0.1',
    'control-planes',
    'roll-forward stable/cloud 17.0.0 --yes --reason eager',
    'roll-forward stable/cloud 17.0.0 --yes --reason gone --accept-stranding 2',
    'roll-forward stable/cloud 17.0.0 --dry-run --reason gone --accept-stranding 3',
    'roll-forward stable/cloud 17.0.0 --yes --reason gone --accept-stranding 3',
    'control-planes check main 18.0.0',
    'control-planes check main 17.4.2',
  ],
  catalogue: [
    'releases',
    'releases import releases.json',
    'releases list',
    'inventory import --channel stable/cloud inventory.json',
    'check stable/cloud 17.4.2',
  ],
  stepped: [
    'plan stable/cloud',
    'releases import releases.json',
    'inventory import --channel stable/cloud inventory.json',
    'control-planes report main 17.4.2',
    'roll-forward stable/cloud 17.4.2 --stepped --dry-run --reason onward',
    'roll-forward stable/cloud 17.4.2 --stepped --yes --reason onward',
    'plan stable/cloud',
    'show stable/cloud',
    'explain node-0',
    'cancel-plan stable/cloud --yes --reason stop',
    'plan stable/cloud',
  ],
  state: [
    'export',
    'apply state.yaml',
    'apply state.yaml --dry-run',
    'apply state.yaml --yes',
    'apply state.yaml --yes',
    'apply broken.yaml --yes',
    'apply nowhere.yaml --yes',
  ],
  wrong: [
    'shwo',
    'show',
    'show nowhere',
    'channels -o xml',
    'check stable/cloud banana',
    'roll-forward stable/cloud 16.4.7',
    'roll-forward stable/cloud 16.4.7 --yes',
    'roll-forward stable/cloud 16.4.7 --yes --reason x --accept-stranding many',
    'pin stable/cloud --yes --reason x --until tomorrow',
    'pin stable/cloud --yes --reason x --until 2020-01-01',
    'agents --limit none',
    'inventory import inventory.json',
    'channels --url nonsense',
    'channels --url http://127.0.0.1:3',
  ],
  help: ['--help', 'roll-forward --help', 'inventory import --help', 'control-planes --help'],
};

const FILES: Record<string, string> = {
  'inventory.json': JSON.stringify(
    ['15.4.7', '16.4.6', '15.4.7', '15.4.7', '16.4.7', ''].map((version, index) => {
      return { metadata: { name: `node-${index}` }, spec: { version, ext_upgrader: 'unit' } };
    }),
  ),
  'releases.json': JSON.stringify([
    { version: '16.5.13', date: '2026-03-01', security: false },
    { version: '17.4.2', date: '2026-10-01', security: true },
    { version: '2.3', date: null, security: false },
  ]),
  'state.yaml': `fairway: 1
channels:
  - name: stable/cloud
    target: 16.4.7
    accepts: [stable]
  - { name: beta, accepts: [stable, beta] }
`,
  'broken.yaml': 'fairway: 1\nchannels: [{ name: UPPER, target: soon }]\n',
};

it.each(Object.keys(SESSIONS))(
  'prints what it printed before: %s',
  async (name) => {
    const server = await startServer(QUICKSTART, { now: () => NOW });
    const fairway = commandLine(server);
    const cwd = temporaryDirectory();
    for (const [file, content] of Object.entries(FILES)) writeFileSync(join(cwd, file), content);
    const lines: string[] = [];
    for (const command of SESSIONS[name] ?? []) {
      const { code, stdout, stderr } = await fairway(command.split(' '), { cwd });
      lines.push(`$ fairway ${command}\n${stdout}${stderr.replaceAll(/^(?=.)/gm, '! ')}[exit ${code}]\n`);
    }
    const session = asKept(lines.join('\n'), server);
    const file = `test/cli/golden/${name}.txt`;
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, session);
    expect(session).toBe(readFileSync(file, 'utf8'));
  },
  LONG,
);
