import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ask } from '../http/wire.ts';
import { ROOT } from '../support/process.ts';
import { bundle, run } from '../support/programs.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, temporaryDirectory, testSettings } from '../support/server.ts';

/** A server whose clock is as far ahead as a file says, so that processes share a clock that the test sets. */
const PROGRAM = `
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { start } from './server.ts';
const [file = '', clock = ''] = process.argv.slice(2);
let ahead = 0;
setInterval(() => (ahead = Number(readFileSync(clock, 'utf8'))), 20);
const settings = JSON.parse(readFileSync(file, 'utf8'));
const now = () => new Date(Date.now() + ahead);
const server = await start({ settings, version: '0.0.0-test', log: pino({ level: 'silent' }), now });
console.log(JSON.stringify({ publicUrl: server.publicUrl, operatorUrl: server.operatorUrl }));
`;

const CHANNEL = '/channels/stable%2Fcloud';
const HOUR = 3_600_000;
const SECOND = 1_000;
const [START, BAD, FIX] = ['16.4.6', '16.4.7', '16.4.8'];

interface Agent {
  id: string;
  group: string;
  /** A v2 updater asks /webapi/find and is known from inventories. */
  isV2: boolean;
  version: string;
  isBroken: boolean;
}

/** A third of each group has v2 updaters, and three in ten do not bear the bad release. */
const agents: Agent[] = Array.from({ length: 300 }, (_, nth) => ({
  id: `0b5a2b1e-0000-4000-8000-${String(nth).padStart(12, '0')}`,
  ...{ group: nth < 60 ? 'dev' : 'prod', isV2: nth % 3 === 0, version: START, isBroken: nth % 10 < 3 },
}));

it('halts and takes back a bad release though its leader is killed, and leads the fix to everybody in its window', async () => {
  const redis = await startRedis();
  const dir = temporaryDirectory();
  const clock = join(dir, 'clock');
  let ahead = 0;
  const later = (ms: number) => {
    ahead += ms;
    writeFileSync(clock, String(ahead));
  };
  later(0);
  const opens = new Date(Date.now() + 12 * HOUR);
  const start = `${String(opens.getUTCHours()).padStart(2, '0')}:${String(opens.getUTCMinutes()).padStart(2, '0')}`;
  const groups = [
    { name: 'dev', canaries: 2, waves: [50, 100] },
    { name: 'prod', waves: [20, 100], window: { start, for: '6h' } },
  ];
  const watch = { maxVanished: '50%', ['then' as string]: 'roll-back' };
  const program = await bundle(PROGRAM);
  // The pages' files, which the build puts beside a bundle.
  symlinkSync(join(ROOT, 'dist/assets'), join(dirname(program), 'assets'));
  const servers = await Promise.all(
    [0, 1, 2].map(async (nth) => {
      const settings = testSettings({
        ...{ redisUrl: redis.url, dataDir: join(dir, String(nth)) },
        ...{ fleet: { flushEvery: '20ms' }, leader: { lease: '2s', plansEvery: '100ms' } },
        bootstrap: { channels: [{ name: 'stable/cloud', target: START, rollout: { groups }, watch }] },
      });
      const file = join(dir, `${nth}.json`);
      writeFileSync(file, JSON.stringify(settings));
      const { process, lines } = run(program, [file, clock]);
      await vi.waitFor(() => expect(lines).not.toHaveLength(0), { timeout: 30 * SECOND });
      const urls = JSON.parse(lines[0] as string) as { publicUrl: string; operatorUrl: string };
      return { process, ...urls, api: operatorClient({ ...urls, close: async () => {} }), isAlive: true };
    }),
  );
  const alive = () => servers.filter(({ isAlive }) => isAlive);
  const any = () => alive()[0] as (typeof servers)[number];
  const rollout = async () => (await any().api('GET', `${CHANNEL}/rollout`)).body;

  /** What the agent is told by one of the servers. */
  async function told({ id, group, isV2, version }: Agent, nth: number): Promise<string> {
    const { publicUrl } = alive()[nth % alive().length] as (typeof servers)[number];
    if (isV2) {
      const find = JSON.parse((await ask(publicUrl, `/webapi/find?group=${group}&update_id=${id}`)).body).auto_update;
      return find.agent_auto_update ? find.agent_version : version;
    }
    const own = [`Agent-Id: ${id}`, `Agent-Version: ${version}`, `Agent-Group: ${group}`, 'Updater-Kind: unit'];
    return (await ask(publicUrl, '/v1/stable/cloud/version', { headers: own })).body.replace(/^v/, '');
  }

  /** All agents ask, and follow; those that the release breaks run it until they ask again, and then go back. */
  async function askAll(): Promise<void> {
    await Promise.all(
      agents.map(async (agent, nth) => {
        const version = await told(agent, nth);
        const crashed = agent.isBroken && agent.version === BAD;
        agent.version = crashed ? START : version === 'none' ? agent.version : version;
      }),
    );
    const seen = new Date(Date.now() + ahead).toISOString();
    const inventory = agents.flatMap(({ id, group, isV2, version }) => {
      const updater = { update_group: group, update_uuid: id, updater_status: 1 };
      const spec = { version, last_seen: seen, updater_info: updater };
      return isV2 ? [{ kind: 'instance', metadata: { name: `host-${id}` }, spec }] : [];
    });
    const sent = await any().api('POST', '/inventory?channel=stable%2Fcloud&complete=true', inventory);
    expect(sent.status).toBe(200);
  }
  const askUntil = (check: () => Promise<void>) =>
    vi.waitFor(
      async () => {
        await askAll();
        await check();
      },
      { timeout: 90 * SECOND, interval: 100 },
    );
  const forward = async (version: string) => {
    const reply = await any().api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'a release' });
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  };

  await askAll();
  await vi.waitFor(async () => expect((await any().api('GET', '/agents?limit=500')).body.agents).toHaveLength(300), {
    timeout: 20 * SECOND,
  });
  await forward(BAD);
  await askUntil(async () => {
    const [dev] = (await rollout()).groups;
    expect(dev.state).toBe('canary');
    // The release does no harm to its canaries, so that it comes further.
    for (const agent of agents) {
      if (dev.canaries.some(({ id }: { id: string }) => id === agent.id)) agent.isBroken = false;
    }
  });
  for (const server of servers) {
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    if (!/^fairway_leader 1$/m.test(metrics)) continue;
    server.process.kill('SIGKILL');
    server.isAlive = false;
  }
  expect(alive()).toHaveLength(2);

  const channel = async () => (await any().api('GET', CHANNEL)).body;
  await askUntil(async () => {
    const { groups: found, next } = await rollout();
    expect(await channel(), `${next} ${JSON.stringify(found[0])}`).toMatchObject({
      ...{ target: START, hold: { by: 'system:watch' } },
    });
  });
  expect((await rollout()).groups[1].startedAt ?? null).toBeNull();
  await askUntil(async () => expect(agents.filter(({ version }) => version !== START)).toEqual([]));

  await forward(FIX);
  // An agent that went to and fro counts at its lowest version for an hour.
  await askUntil(async () => {
    later(HOUR / 4);
    const { groups: found, next } = await rollout();
    expect(found[0].state, `${next} ${JSON.stringify(found[0])}`).toBe('done');
  });
  expect((await rollout()).groups[1].waitsFor).toMatch(new RegExp(`^its window opens at .* ${start} UTC$`));
  expect(agents.filter(({ group, version }) => group === 'prod' && version !== START)).toEqual([]);
  await askUntil(async () => {
    later(HOUR / 4);
    const { state: found, next } = await rollout();
    expect(found, next).toBe('done');
  });
  await askUntil(async () => expect(agents.filter(({ version }) => version !== FIX)).toEqual([]));
}, 300_000);
