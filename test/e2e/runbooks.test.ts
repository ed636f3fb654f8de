import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { FOLLOWED as PAGES, patternOf, readSteps, withOutputs } from '../support/page.ts';
import { ADMIN_TOKEN, type FairwayProcess, ROOT, run, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { rolloutPage } from '../support/rollout-page.ts';
import { QUICKSTART, type Reply } from '../support/server.ts';
import { makeWorkplace } from '../support/workplace.ts';

/** Where a person follows a page: `fairway` and `tctl` on PATH, and signed in. */
interface Place {
  dir: string;
  server: FairwayProcess;
  env: Record<string, string>;
}

interface Scenario {
  /** Creates the situation that the page assumes. */
  begin(): Promise<Place>;
  /** Other events, each before the command of that number (from 0). */
  before?: Record<number, (place: Place) => Promise<void>>;
}

const RELEASES = join(ROOT, 'config/samples/releases.json');
const CATALOGUE = { ...(QUICKSTART.bootstrap as object), releases: RELEASES };

/** A server with `settings` over the quick start, and the inventory of its cluster. */
async function place(settings = {}, env: Record<string, string> = {}): Promise<Place> {
  const { dir, path } = makeWorkplace();
  const server = await startFairway({ dir, settings: { bootstrap: CATALOGUE, ...settings }, env });
  await done(server.api('POST', '/inventory?channel=stable/cloud', inventory()));
  return { dir, server, env: { ...env, PATH: path, TZ: 'UTC' } };
}

async function done(reply: Promise<Reply>): Promise<void> {
  const { status, body } = await reply;
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
}

const steer = ({ server }: Place, channel: string, verb: string, body: object): Promise<void> =>
  done(server.api('POST', `/channels/${encodeURIComponent(channel)}/${verb}`, { reason: 'monthly update', ...body }));

/** The first agent is seen again, at another version. */
const importAgain = ({ server }: Place, version: string): Promise<void> => {
  const [first, ...rest] = inventory();
  if (!first) throw new Error('the inventory is empty');
  const again = { ...first, spec: { ...first.spec, version } };
  return done(server.api('POST', '/inventory?channel=stable/cloud', [again, ...rest]));
};

/** Moves the channel to a version that strands agents, as an admin may. */
async function strand(here: Place, version: string): Promise<void> {
  const { body } = await here.server.api('POST', '/channels/stable%2Fcloud/check', { version });
  await steer(here, 'stable/cloud', 'roll-forward', { version, acceptStranding: body.stranded });
}

/** Restarts the server with one more channel in its settings. */
async function restartWith(here: Place, channel: object): Promise<void> {
  here.server.signal('SIGTERM');
  await here.server.exit;
  const channels = [...(QUICKSTART.bootstrap as { channels: object[] }).channels, channel];
  here.server = await startFairway({ dir: here.dir, settings: { bootstrap: { ...CATALOGUE, channels } } });
}

const SCENARIOS: Record<string, Scenario> = {
  // Its blocks are examples: what they show takes a fleet whose agents break.
  'docs/runbooks/rollout-halted.md': { begin: () => place() },

  'docs/runbooks/scheduled-change.md': { begin: () => place() },
  'docs/rollouts.md': rolloutPage(),
  'docs/fleet.md': { begin: () => place() },
  'docs/redis.md': { begin: () => place() },

  'docs/operating.md': {
    async begin() {
      const here = await place();
      await steer(here, 'stable/cloud', 'roll-forward', { version: '16.4.7' });
      await steer(here, 'stable/cloud', 'roll-back', { reason: 'sessions break' });
      return here;
    },
  },

  'docs/runbooks/bad-release.md': {
    async begin() {
      const second = { name: 'stable/v16', target: '16.4.6', controlPlane: 'main' };
      const channels = [...(QUICKSTART.bootstrap as { channels: object[] }).channels, second];
      const here = await place({ bootstrap: { ...CATALOGUE, channels } });
      for (const channel of ['stable/cloud', 'stable/v16']) {
        await steer(here, channel, 'roll-forward', { version: '16.4.7' });
      }
      const upgraded = inventory().map((each) => {
        const { version } = each.spec;
        return version === 'v16.4.6' ? { ...each, spec: { ...each.spec, version: 'v16.4.7' } } : each;
      });
      await done(here.server.api('POST', '/inventory?channel=stable/cloud', upgraded));
      return here;
    },
  },

  'docs/runbooks/redis-lost.md': {
    async begin() {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const here = await place({ store: { deadline: '500ms', compareEvery: '100ms' } }, { REDIS_URL: redis.url });
      await steer(here, 'stable/cloud', 'roll-forward', { version: '16.4.7' });
      await redis.kill();
      await vi.waitFor(async () => expect(await here.server.metric('fairway_store_up')).toBe(0));
      lost.set(here.dir, redis);
      return here;
    },
    before: {
      // Redis comes back without its data; the servers are stopped, cleared and started as the example says.
      5: async (here) => {
        const redis = lost.get(here.dir);
        if (!redis) throw new Error('no Redis');
        rmSync(redis.dir, { recursive: true });
        mkdirSync(redis.dir);
        await redis.restart();
        await vi.waitFor(async () => {
          const { body } = await here.server.api('POST', '/channels/stable%2Fcloud/pin', { reason: 'test' });
          expect(body.detail).toContain('lost changes');
        });
        here.server.signal('SIGTERM');
        await here.server.exit;
        rmSync(join(here.dir, 'data/state.json'));
        here.server = await startFairway({ dir: here.dir, settings: {}, env: { REDIS_URL: redis.url } });
      },
    },
  },

  'docs/runbooks/control-plane-back.md': {
    async begin() {
      const here = await place();
      await done(here.server.api('PUT', '/control-planes/main', { version: '16.5.0' }));
      await done(here.server.api('POST', '/releases/import', [{ version: '16.5.0', date: null, security: false }]));
      await steer(here, 'stable/cloud', 'roll-forward', { version: '16.5.0' });
      return here;
    },
  },

  'docs/runbooks/bootstrap-refused.md': {
    async begin() {
      const here = await place();
      await restartWith(here, { name: 'next', target: '18.0.0', controlPlane: 'main' });
      return here;
    },
    before: {
      // The settings are corrected, as the example says.
      3: (here) => restartWith(here, { name: 'next', target: '16.4.6', controlPlane: 'main' }),
    },
  },

  'docs/runbooks/clock.md': {
    async begin() {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      return place({}, { REDIS_URL: redis.url });
    },
  },

  'docs/runbooks/stuck-agent.md': { begin: () => place() },

  'docs/runbooks/forgotten-pin.md': {
    async begin() {
      const here = await place();
      await steer(here, 'stable/cloud', 'pin', { reason: 'incident 12' });
      return here;
    },
  },

  'docs/runbooks/critical-left-on.md': {
    async begin() {
      const here = await place();
      await steer(here, 'stable/cloud', 'critical', { critical: true, reason: 'CVE' });
      return here;
    },
  },

  'docs/runbooks/does-not-move.md': { begin: () => place() },
  'docs/runbooks/evidence-stale.md': { begin: () => place() },
  'docs/runbooks/polls-fail.md': { begin: () => place() },

  'docs/runbooks/target-strands.md': {
    async begin() {
      const here = await place();
      await done(here.server.api('PUT', '/control-planes/main', { version: '17.0.1' }));
      await steer(here, 'stable/cloud', 'roll-forward', { version: '16.4.7' });
      await strand(here, '17.0.1');
      return here;
    },
  },

  'docs/runbooks/agents-cut-off.md': {
    async begin() {
      const here = await place();
      await done(here.server.api('PUT', '/control-planes/main', { version: '18.0.0' }));
      return here;
    },
  },

  'docs/runbooks/evidence-settling.md': {
    async begin() {
      const here = await place();
      await done(here.server.api('POST', '/inventory?channel=stable/cloud', inventory().slice(-60)));
      return here;
    },
  },

  'docs/runbooks/census-incomplete.md': {
    async begin() {
      const here = await place({ fleet: { maxAgents: 1, flushEvery: '50ms', enrolment: { mode: 'open' } } });
      for (const id of ['agent-1', 'agent-2']) {
        const headers = { 'Agent-Id': id, 'Agent-Version': '15.4.9' };
        await fetch(`${here.server.publicUrl}/v1/stable/cloud/version`, { headers });
      }
      await vi.waitFor(async () => {
        const { body } = await here.server.api('GET', '/census?channel=stable/cloud');
        expect(body.uncounted).toEqual(['15.x']);
      });
      return here;
    },
  },

  'docs/runbooks/agents-contested.md': {
    async begin() {
      const here = await place();
      for (const version of ['v16.4.3', 'v16.4.6']) await importAgain(here, version);
      return here;
    },
  },

  'docs/runbooks/agents-reverted.md': {
    async begin() {
      const here = await place();
      await importAgain(here, 'v16.4.3');
      return here;
    },
  },

  'docs/runbooks/README.md': { begin: () => place() },
};

const lost = new Map<string, Awaited<ReturnType<typeof startRedis>>>();

it.each(PAGES)('%s shows commands that work as printed, and their output', { timeout: 90_000 }, async (file) => {
  const page = readFileSync(file, 'utf8');
  const scenario = SCENARIOS[file];
  if (!scenario) throw new Error(`${file} has no scenario in this test, so its commands are untested; add one`);
  const steps = readSteps(page);
  if (steps.length === 0) return;
  const here = await scenario.begin();
  const printed: string[] = [];
  for (const [index, { command, output }] of steps.entries()) {
    await scenario.before?.[index]?.(here);
    const { publicUrl, operatorUrl } = here.server;
    const local = (text: string) =>
      text.replaceAll('http://127.0.0.1:8080', publicUrl).replaceAll('http://127.0.0.1:8081', operatorUrl);
    const env = { ...here.env, FAIRWAY_URL: operatorUrl, FAIRWAY_TOKEN: ADMIN_TOKEN };
    const shell = run('bash', ['-c', `exec 2>&1\n${local(command)}`], { cwd: here.dir, env });
    await shell.exit;
    printed.push(shell.stdout.trimEnd());
    if (!process.env.UPDATE_GOLDEN) expect(printed.at(-1), command).toMatch(patternOf(output ?? ''));
  }
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, withOutputs(page, printed));
});

it('every other block of commands in the runbooks is marked as an example', () => {
  for (const file of PAGES.filter((name) => name.startsWith('docs/runbooks/'))) {
    const fences = readFileSync(file, 'utf8').match(/^ *```.+$/gm) ?? [];
    expect(
      fences.filter((fence) => !['```console', '```console example'].includes(fence)),
      file,
    ).toEqual([]);
  }
});
