import { existsSync, readdirSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { freePorts, run } from '../support/process.ts';
import { temporaryDirectory } from '../support/server.ts';

/** Reads what `npm run demo` prints once it is up. */
async function startDemo() {
  const dir = temporaryDirectory();
  const demo = run(process.execPath, ['scripts/demo.mjs'], { env: { ...freePorts(dir), TMPDIR: dir } });
  let ended = false;
  void demo.exit.then(() => (ended = true));
  const [, url = '', token = ''] = await vi
    .waitUntil(() => ended || /FAIRWAY_URL=(\S+) FAIRWAY_TOKEN=([^;]+);/.exec(demo.stdout), {
      timeout: 90_000,
      interval: 50,
    })
    .then((found) => {
      if (found === true) throw new Error(`the demo ended:\n${demo.stdout}${demo.stderr}`);
      return found;
    });
  const api = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers differ by route
    return (await response.json()) as any;
  };
  return { demo, dir, url, api };
}

const at = (census: { versions: { version: string; count: number }[] }, version: string): number =>
  census.versions.find((each) => each.version === version)?.count ?? 0;

it('shows a fleet that moves, a release on its way, one that was pulled, and trouble', {
  timeout: 150_000,
}, async () => {
  const { demo, dir, url, api } = await startDemo();
  expect(demo.stdout).toMatch(/Dashboard: http.*\n.*click.*1,900 agents on 6 channels/s);

  const { channels } = await api('GET', '/census');
  expect(channels).toHaveLength(6);
  expect(channels.reduce((sum: number, { agents }: { agents: number }) => sum + agents, 0)).toBe(1_900);
  const { releases } = await api('GET', '/releases');
  const [justCut, onItsWay, pulled] = releases;
  expect(justCut.artifacts.packages.state).toBe('absent');
  expect(pulled.pulled.reason).toBe('sessions are lost after an hour');
  const { stages } = await api('GET', `/releases/${onItsWay.version}/promotion`);
  expect(stages.map(({ state }: { state: string }) => state)).toEqual(['complete', 'waiting', 'waiting']);

  // The trouble: agents that go back by themselves, and two that their target strands.
  const before = await api('GET', '/census?channel=stable%2Fv16');
  expect(before.reverted).toBeGreaterThan(50);
  expect((await api('GET', '/census?channel=partners')).stranded).toBe(2);

  // A click signs in: the page carries the token.
  const page = await fetch(`${url}/sign-in`);
  const html = await page.text();
  const [form = ''] = /<form.*?Sign in as mara \(admin\).*?<\/form>/s.exec(html) ?? [];
  const fields = new URLSearchParams(
    [...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']): [string, string] => [
      name,
      value,
    ]),
  );
  const cookie = page.headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ');
  const signedIn = await fetch(`${url}/sign-in`, {
    method: 'POST',
    body: fields,
    headers: { cookie },
    redirect: 'manual',
  });
  expect(signedIn.status).toBe(303);

  // The roll-back takes the agents along.
  const was = at(before, '16.4.7');
  await api('POST', '/channels/stable%2Fv16/roll-back', { reason: 'agents go back', critical: true });
  await vi.waitUntil(async () => at(await api('GET', '/census?channel=stable%2Fv16'), '16.4.7') < was, {
    timeout: 60_000,
    interval: 500,
  });

  demo.signal('SIGINT');
  expect((await demo.exit).code).toBe(0);
  expect(readdirSync(dir).filter((name) => name.startsWith('fairway-demo-'))).toEqual([]);
  expect(existsSync(`${dir}/data`)).toBe(false);
});
