import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { asKept, commandLine } from '../support/cli.ts';
import { QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

const NOW = new Date('2026-11-22T12:00:00Z');

/** Every command runs in its own process. */
const LONG = 180_000;

/** Sessions whose whole output is kept in `golden/NAME.txt`; UPDATE_GOLDEN=1 writes it again. */
const SESSIONS: Record<string, string[]> = {
  steering: [
    'status',
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
    'show stable/cloud',
    'release stable/cloud --yes --reason over',
    'channels',
    'audit --limit 3',
    'audit verify',
  ],
  scheduled: [
    'scheduled',
    'roll-forward stable/cloud 16.4.7 --at 2026-12-01T04:00:00Z --dry-run --reason monthly',
    'roll-forward stable/cloud 16.4.7 --at 2026-12-01T04:00:00Z --yes --reason monthly',
    'roll-forward stable/cloud 17.0.0 --at 2026-12-01T04:00:00Z --yes --reason eager',
    'withdraw stable/cloud --at 2020-01-01T04:00:00Z --yes --reason late',
    'roll-back stable/cloud 16.4.5 --yes --reason incident-12',
    'show stable/cloud',
    'scheduled cancel 0a1b2c3d4e5f --yes --reason over',
    'audit --limit 2',
  ],
  freezes: [
    'freezes',
    'freezes add --until 2026-11-25T00:00:00Z --id holidays --reason holidays --dry-run',
    'freezes add --until 2026-11-25T00:00:00Z --id holidays --reason holidays --yes',
    'freezes add --from 2026-12-01T00:00:00Z --until 2026-12-02T00:00:00Z --id audit --strict --reason audit --yes',
    'freezes',
    'status',
    'show stable/cloud',
    'roll-forward stable/cloud 16.4.7 --yes --reason eager',
    'roll-forward stable/cloud 16.4.7 --yes --reason urgent --override-freeze',
    'freezes remove holidays --reason back --yes',
    'freezes remove holidays --reason back --yes',
    'audit --limit 3',
  ],
  fleet: [
    'census stable/cloud',
    'agents',
    'inventory import --channel stable/cloud inventory.json',
    'census',
    'census stable/cloud',
    'agents --limit 2',
    'agents --older-than 16.0.0',
    'agents --channel stable/cloud --version 16.4.6',
    'agents --version ?',
    'agents --host HOST-1 --limit 1',
    'explain node-0',
    'explain nobody',
    'roll-forward stable/cloud 17.0.0 --yes --reason eager',
    'control-planes report main 17.0.1',
    'control-planes',
    'roll-forward stable/cloud 17.0.0 --yes --reason eager',
    'roll-forward stable/cloud 17.0.0 --yes --reason gone --accept-stranding 3',
    'roll-forward stable/cloud 17.0.0 --dry-run --reason gone --accept-stranding 4',
    'roll-forward stable/cloud 17.0.0 --yes --reason gone --accept-stranding 4',
    'control-planes check main 18.0.0',
    'control-planes check main 17.4.2',
  ],
  evidence: [
    'evidence stable/cloud',
    'inventory import filtered.json -c stable/cloud',
    'inventory import filtered.json -c stable/cloud --partial',
    'inventory import many.json --control-plane main',
    'evidence stable/cloud',
    'inventory import mixed.json --control-plane main --channel stable/cloud',
    'evidence stable/cloud',
    'census',
    'census stable/cloud',
    'show stable/cloud',
    'agents --mark pinned',
    'explain node-0',
    'evidence accept stable/cloud inventory',
    'evidence accept stable/cloud inventory --dry-run',
    'evidence accept stable/cloud inventory --yes --reason scaled-down',
    'evidence stable/cloud',
    'agents forget node-0 --dry-run',
    'agents forget node-0 --yes --reason gone',
    'evidence forget stable/cloud',
    'evidence forget stable/cloud --version 15.4.7 --yes --reason gone',
    'evidence forget stable/cloud --version 15.4.7 --yes --reason gone',
    'evidence forget stable/cloud check-ins',
    'evidence forget stable/cloud inventory --yes --reason wrong-cluster',
    'evidence stable/cloud',
    'audit --limit 3',
  ],
  planes: [
    'control-planes report main --component auth=17.0.1 --component proxy=17.0.0,16.4.7',
    'control-planes',
    'control-planes show main',
    'control-planes report main',
    'control-planes report main --component auth',
    'inventory import mixed.json --control-plane main --channel stable/cloud',
    'control-planes check main 17.0.1',
    'control-planes delete main --yes',
    'control-planes report spare 17.0.0',
    'control-planes delete spare --dry-run',
    'control-planes delete spare --yes',
    'control-planes show spare',
  ],
  stranded: [
    'inventory import inventory.json --control-plane main',
    'control-planes report main 17.0.1',
    'roll-forward stable/cloud 17.0.0 --yes --reason gone --accept-stranding 4',
    'status',
    'channels',
    'census',
    'show stable/cloud',
    'critical stable/cloud --yes --reason hurry',
    'critical stable/cloud --dry-run --reason hurry --accept-stranding 3',
    'pin stable/cloud --dry-run --reason wait',
    'roll-back stable/cloud --dry-run --reason back',
    'apply back.yaml --dry-run',
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
    'inventory import --channel stable/cloud readable.json',
    'control-planes report main 17.4.2',
    'roll-forward stable/cloud 17.4.2 --stepped --dry-run --reason onward',
    'roll-forward stable/cloud 17.4.2 --stepped --yes --reason onward',
    'plan stable/cloud',
    'show stable/cloud',
    'explain node-0',
    'cancel-plan stable/cloud --yes --reason stop',
    'plan stable/cloud',
  ],
  rollout: [
    'rollout stable/cloud',
    'channel set stable/cloud --file settings.yaml --yes --reason groups',
    'rollout stable/cloud',
    'channel set stable/cloud --file wrong-settings.yaml --yes --reason groups',
    'channel set stable/cloud --file state.yaml --yes --reason groups',
    'channel set stable/cloud --file broken-settings.yaml --yes --reason groups',
    'channel set stable/cloud --file nowhere.yaml --yes --reason groups',
    'apply groups.yaml --yes',
    'roll-forward stable/cloud 16.4.7 --yes --reason monthly',
    'rollout stable/cloud',
    'rollout start stable/cloud --reason now',
    'rollout start stable/cloud --dry-run --reason now',
    'rollout start stable/cloud --group prod --yes --reason now',
    'rollout start stable/cloud --group qa --yes --reason now',
    'rollout done stable/cloud --group dev --yes --reason now',
    'rollout pause stable/cloud --yes --reason incident-12',
    'rollout pause stable/cloud --yes --reason again',
    'rollout stable/cloud --watch',
    'rollout resume stable/cloud --yes --reason over',
    'rollout roll-back stable/cloud --yes --reason bad',
    'show stable/cloud',
    'audit --limit 4',
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
    'pin stable/cloud --yes --reason x --until soon',
    'pin stable/cloud --yes --reason x --until 2020-01-01',
    'agents --limit none',
    'agents -c nowhere',
    'agents --mark odd',
    'inventory import inventory.json',
    'evidence',
    'evidence nowhere',
    'channels --url nonsense',
    'channels --url http://127.0.0.1:3',
  ],
  help: [
    '--help',
    'roll-forward --help',
    'inventory import --help',
    'control-planes --help',
    'evidence --help',
    'agents --help',
  ],
};

const FILES: Record<string, string> = {
  'inventory.json': JSON.stringify([
    ...['15.4.7', '16.4.6', '15.4.7', '15.4.7', '16.4.7', ''].map((version, index) => {
      const spec = { version, ext_upgrader: 'unit', hostname: `host-${index}.example.com` };
      return { kind: 'instance', metadata: { name: `node-${index}` }, spec };
    }),
    { kind: 'instance', metadata: { name: 'auth-1' }, spec: { version: '16.4.7', services: ['Auth', 'Proxy'] } },
  ]),
  'readable.json': JSON.stringify(
    ['15.4.7', '16.4.6', '15.4.7', '15.4.7', '16.4.7'].map((version, index) => {
      const services = index === 4 ? ['Auth', 'Proxy'] : ['Node'];
      const updater = index === 4 ? {} : { ext_upgrader: 'unit' };
      return { kind: 'instance', metadata: { name: `node-${index}` }, spec: { version, services, ...updater } };
    }),
  ),
  'mixed.json': JSON.stringify(
    [
      ['node-0', '16.4.6', { updater_info: { update_group: 'qa', updater_status: 'PINNED' } }],
      ['node-1', '16.4.6', { ext_upgrader: 'unit' }],
      ['node-1', '15.4.7', { ext_upgrader: 'unit' }],
      ['odd id', 'soon', { ext_upgrader: 'kube' }],
      ['node-2', '13.3.5', {}],
      ['auth-1', '16.4.7', { services: ['Auth'] }],
    ].map(([name, version, spec]) => ({
      kind: 'instance',
      metadata: { name },
      spec: { version, ...(spec as object) },
    })),
  ),
  'filtered.json': JSON.stringify([
    { kind: 'instance', metadata: { name: 'node-9' }, spec: { version: '16.4.6', ext_upgrader: 'unit' } },
  ]),
  'many.json': JSON.stringify(
    Array.from({ length: 21 }, (_, index) => {
      const enrolled = { version: '16.4.6', ext_upgrader: 'unit' };
      const spec = index === 0 ? { version: '16.4.7', services: ['auth'] } : enrolled;
      return { kind: 'instance', metadata: { name: `node-${index}` }, spec };
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
  'settings.yaml': 'rollout: { groups: [{ name: dev, canaries: 2 }] }\nwatch: { for: 1h }\n',
  'wrong-settings.yaml': 'rollout: { groups: [{ name: dev, waves: [50, 10, 100] }] }\n',
  'broken-settings.yaml': 'rollout: [dev\n',
  'groups.yaml': `fairway: 1
channels:
  - name: stable/cloud
    rollout:
      groups:
        - { name: dev, window: { start: '04:00', for: 2h, timeZone: Europe/Berlin } }
        - { name: prod, waitHours: 24 }
`,
  'back.yaml': 'fairway: 1\nchannels: [{ name: stable/cloud, target: 16.4.6 }]\n',
  'broken.yaml': 'fairway: 1\nchannels: [{ name: UPPER, target: soon }]\n',
};

/** Nothing happens by itself in between, however slow the machine is. */
const SETTINGS: Raw = merge(QUICKSTART, { leader: { plansEvery: '1h' } });

it.each(Object.keys(SESSIONS))(
  'prints what it printed before: %s',
  async (name) => {
    const server = await startServer(SETTINGS, { now: () => NOW });
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
