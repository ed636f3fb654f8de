import { pino } from 'pino';
import { hashToken } from '../../src/config/settings.ts';
import { openStore } from '../../src/store/open.ts';
import type { DemoAgent } from './agents.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** After a control plane changed, a stage waits for settled evidence, 15 minutes. */
const SETTLED = 20 * MINUTE;

/** A person of the demo, who signs in with a click. */
export interface DemoPerson {
  name: string;
  role: 'admin' | 'operator' | 'release-manager' | 'viewer';
  token: string;
}

/** `18.0.0-cloud.20261120T101500.f00dfac`, cut `ago` milliseconds before `now`. */
const cloud = (now: number, ago: number, hash: string): string => `18.0.0-cloud.${stamp(now - ago)}.${hash}`;
const stamp = (at: number): string => new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');

/** The cloud releases of the demo, by what became of them. */
export const releasesOf = (now: number) => ({
  before: cloud(now, 9 * DAY, '0ddba11'),
  pulled: cloud(now, 5 * DAY, 'bad1dea'),
  onItsWay: cloud(now, 2 * DAY, 'f00dfac'),
  justCut: cloud(now, 3 * HOUR, 'c0ffee1'),
});
type Releases = ReturnType<typeof releasesOf>;

/** The release that a third of the agents of `stable/v16` cannot run. */
export const BROKEN = '16.4.7';
const SOUND = '16.4.6';
const STAGES = ['canary', 'internal', 'tenants'];

/** The settings of the demo, over the shipped ones. */
export function settingsOf(now: number, people: DemoPerson[], agentToken: string) {
  const { before } = releasesOf(now);
  return {
    tokens: people.map(({ name, role, token }) => ({ name, role, sha256: hashToken(token) })),
    fleet: { enrolment: { mode: 'token', tokens: [{ name: 'demo', sha256: hashToken(agentToken) }] } },
    webapi: { clusterName: 'demo', edition: 'ent' },
    bootstrap: {
      controlPlanes: {
        ...Object.fromEntries(STAGES.map((name) => [name, before])),
        v16: '16.4.7',
        edge: '17.0.1',
        partners: '15.4.22',
      },
      channels: [
        { name: 'cloud/canary', description: 'First to get a cloud release', target: before, controlPlane: 'canary' },
        { name: 'cloud/internal', description: 'Our own tenants', target: before, controlPlane: 'internal' },
        { name: 'cloud/tenants', description: 'Tenants of all customers', target: before, controlPlane: 'tenants' },
        { name: 'stable/v16', description: 'Self-hosted clusters', target: SOUND, controlPlane: 'v16' },
        { name: 'edge', description: 'First to see a new major', target: '17.0.1', controlPlane: 'edge' },
        { name: 'partners', description: 'Agents at our partners', target: '15.4.22', controlPlane: 'partners' },
      ],
    },
    promotion: {
      advanceEvery: '100ms',
      stages: STAGES.map((name, index) => ({
        name,
        channels: [`cloud/${name}`],
        controlPlanes: [name],
        soak: '1h',
        ...(index === 0 ? { automatic: true, signOff: false, approval: false } : {}),
      })),
    },
  };
}

/** How many agents of a channel run which version when the demo starts. */
const fleetOf = ({ before, onItsWay }: Releases): Record<string, Record<string, number>> => ({
  'cloud/canary': { [before]: 6, [onItsWay]: 54 },
  'cloud/internal': { [before]: 215 },
  'cloud/tenants': { [before]: 900 },
  'stable/v16': { '16.4.3': 24, [SOUND]: 290, [BROKEN]: 226 },
  edge: { '16.4.7': 14, '17.0.1': 96 },
  partners: { '13.4.26': 2, '14.3.33': 9, '15.4.22': 64 },
});

/** The 1,900 agents, as they are when the demo starts. */
export function createAgents(now: number): DemoAgent[] {
  const releases = releasesOf(now);
  return Object.entries(fleetOf(releases)).flatMap(([channel, versions]) => {
    const prefix = channel.replace('/', '-');
    let number = 0;
    return Object.entries(versions).flatMap(([version, count]) =>
      Array.from({ length: count }, (): DemoAgent => {
        number++;
        const isArm = number % 3 === 0;
        return {
          id: `${prefix}-${String(number).padStart(4, '0')}`,
          channel,
          version: channel === 'stable/v16' && isArm && version === BROKEN ? SOUND : version,
          updater: number % 4 === 0 ? 'kube' : 'unit',
          breaksAt: channel === 'stable/v16' && isArm ? BROKEN : null,
          before: version,
          pollAt: 0,
          moveAt: null,
          next: null,
        };
      }),
    );
  });
}

/** What `tctl inventory ls --format=json` would print for the control plane of a channel. */
export function inventoryOf(agents: DemoAgent[], channel: string, versionOf = (agent: DemoAgent) => agent.version) {
  const own = agents.filter((agent) => agent.channel === channel);
  const server = {
    kind: 'instance',
    metadata: { name: `${channel}-auth` },
    spec: { version: '16.4.7', services: ['Auth'] },
  };
  const listed = own.map((agent) => ({
    kind: 'instance',
    metadata: { name: agent.id },
    spec: {
      version: versionOf(agent),
      hostname: `${agent.id}.example`,
      ext_upgrader: agent.updater,
      ext_upgrader_version: versionOf(agent),
    },
  }));
  return [server, ...listed];
}

/** A way to the operator API as one person; rejects if a request is refused. */
// Answers differ by route.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Call = (person: string, method: string, path: string, body?: unknown) => Promise<any>;

export interface Story {
  call: Call;
  agents: DemoAgent[];
  now: number;
  /** Sets the server's clock this many milliseconds back. */
  ago(ms: number): void;
}

const channelPath = (name: string) => `/channels/${encodeURIComponent(name)}`;

/** Imports what the agents of every channel run. */
export async function importInventories({ call, agents }: Pick<Story, 'call' | 'agents'>): Promise<void> {
  for (const channel of new Set(agents.map((agent) => agent.channel))) {
    await call('mara', 'POST', `/inventory?channel=${encodeURIComponent(channel)}`, inventoryOf(agents, channel));
  }
}

/** What happened in the nine days before the demo starts. */
export async function tellStory({ call, agents, now, ago }: Story): Promise<void> {
  const releases = releasesOf(now);
  const published = { controlPlane: 'published', packages: 'published' };
  const ready = ['13.4.26', '14.3.33', '15.4.7', '15.4.22', '16.4.3', SOUND, BROKEN, '17.0.0', '17.0.1'];
  const inventory = (channel: string, versionOf: (agent: DemoAgent) => string) =>
    call('mara', 'POST', `/inventory?channel=${encodeURIComponent(channel)}`, inventoryOf(agents, channel, versionOf));
  const register = (version: string, commit: string, more: object) => {
    const [, date = ''] = /cloud\.(\d{8}T\d{6})/.exec(version) ?? [];
    const cutAt = date.replace(/(....)(..)(..)T(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z');
    return call('rm-1', 'POST', '/releases', { version, commit, cutAt, previous: '17.0.1', ...more });
  };
  const reaches = (version: string, stage: number, state: string) => waitForStage(call, version, stage, state);

  ago(8 * DAY);
  await call(
    'rm-1',
    'POST',
    '/releases/import',
    ready.map((version) => ({ version, date: null, security: version === SOUND })),
  );

  ago(4 * DAY);
  await importAllAt(inventory, agents, releases);
  await register(releases.pulled, 'bad1dea000', { artifacts: published });
  await reaches(releases.pulled, 0, 'awaiting-control-plane');
  await call('rm-1', 'PUT', '/control-planes/canary', { version: releases.pulled });
  ago(4 * DAY - SETTLED);
  await importAllAt(inventory, agents, releases);
  await reaches(releases.pulled, 0, 'soaking');
  ago(4 * DAY - HOUR);
  await call('rm-1', 'POST', `/releases/${releases.pulled}/pull`, { reason: 'sessions are lost after an hour' });

  ago(30 * HOUR);
  await importAllAt(inventory, agents, releases);
  const changes = [
    { pr: 4711, title: 'Rework the session recorder', significant: true },
    { pr: 4713, title: 'Keep connections while certificates are renewed', significant: true },
    { pr: 4712, title: 'Fix a typo', significant: false },
  ];
  await register(releases.onItsWay, 'f00dfacade', { artifacts: published, changes });
  await reaches(releases.onItsWay, 0, 'awaiting-control-plane');
  await call('rm-1', 'PUT', '/control-planes/canary', { version: releases.onItsWay });
  ago(30 * HOUR - SETTLED);
  await importAllAt(inventory, agents, releases);
  await reaches(releases.onItsWay, 0, 'soaking');
  ago(28 * HOUR);
  await reaches(releases.onItsWay, 0, 'complete');
  await call('mara', 'POST', `/releases/${releases.onItsWay}/changes/4713/sign-off`, { reason: 'tested on staging' });

  ago(20 * HOUR);
  await call('ops-1', 'POST', `${channelPath('edge')}/pin`, {
    reason: 'incident 12: agents on arm64 restart',
    until: new Date(now + 2 * DAY).toISOString(),
  });
  ago(3 * HOUR);
  await importAllAt(inventory, agents, releases);
  await register(releases.justCut, 'c0ffee1234', { previous: releases.onItsWay });
  ago(75 * MINUTE);
  await call('ops-1', 'POST', `${channelPath('stable/v16')}/roll-forward`, {
    version: BROKEN,
    reason: 'monthly update, change 5120',
  });
  // A third of the agents installed the new version, and went back by themselves.
  ago(40 * MINUTE);
  await inventory('stable/v16', ({ version, before }) => (before === BROKEN ? BROKEN : version));
  ago(10 * MINUTE);
  await importInventories({ call, agents });
  ago(0);
}

/** Before the last releases, every agent ran what its channel served or something older. */
async function importAllAt(
  inventory: (channel: string, versionOf: (agent: DemoAgent) => string) => Promise<unknown>,
  agents: DemoAgent[],
  { before, onItsWay }: Releases,
): Promise<void> {
  const then: Record<string, string> = { [onItsWay]: before, [BROKEN]: SOUND };
  for (const channel of new Set(agents.map((agent) => agent.channel))) {
    await inventory(channel, ({ version }) => then[version] ?? version);
  }
}

async function waitForStage(call: Call, version: string, stage: number, state: string): Promise<void> {
  const until = performance.now() + 20_000;
  for (;;) {
    const { stages, next } = await call('mara', 'GET', `/releases/${version}/promotion`);
    if (stages[stage].state === state) return;
    if (performance.now() > until) throw new Error(`${version} is ${stages[stage].state}, not ${state}: ${next}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Draws the last day of a channel: agents that reach its target, as an earlier leader would have recorded them. */
export async function recordPast(dataDir: string, agents: DemoAgent[], now: number): Promise<void> {
  const store = await openStore({ redis: null, dataDir, deadline: 5_000, log: pino({ level: 'silent' }) });
  const fence = (await store.acquireLease('the past', HOUR)) ?? 0;
  const channels = new Set(agents.map((agent) => agent.channel));
  for (const channel of channels) {
    const total = agents.filter((agent) => agent.channel === channel).length;
    for (let back = 23 * HOUR; back > 75 * MINUTE; back -= 15 * MINUTE) {
      const share = Math.min(0.97, 0.6 + 0.4 * (1 - back / (23 * HOUR)));
      const atTarget = Math.round(total * share);
      await store.savePoint(
        channel,
        { at: now - back, agents: total, atTarget, behind: total - atTarget, stranded: 0 },
        fence,
      );
    }
  }
  await store.releaseLease('the past');
  await store.close();
}
