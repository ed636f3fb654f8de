import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { merge, readYaml } from '../../src/config/raw.ts';
import { makeCheckout } from '../support/checkout.ts';
import { buildCli } from '../support/cli.ts';
import { patternOf, type Step, stepsOf } from '../support/page.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

const PAGE = readFileSync('docs/releases.md', 'utf8');

type PersonalStep = Step & { who: 'ci' | 'ann' };

/** The commands of the page's consoles in turn, each with the person who runs it. */
function readSteps(): PersonalStep[] {
  return [...PAGE.matchAll(/^```console\n(.*?)\n```$/gms)].flatMap(({ index, 1: session = '' }) => {
    const who = /^Ann /.test(PAGE.slice(0, index).split('\n\n').at(-2) ?? '') ? 'ann' : 'ci';
    return stepsOf(session).map((step) => ({ ...step, who }));
  });
}

const SETTINGS = readYaml('config/samples/stages.yaml');

/** The server of the page. Its clock can be put forward, so that the test does not wait for a soak. */
async function startPage() {
  let ahead = 0;
  const here = { dataDir: temporaryDirectory(), promotion: { advanceEvery: '20ms' } };
  const server = await startServer(merge(SETTINGS, here), { now: () => new Date(Date.now() + ahead) });
  return { server, pass: (ms: number) => (ahead += ms) };
}

describe('docs/releases.md', () => {
  it('shows the settings that it links to', () => {
    expect(SETTINGS).toMatchObject(parse(/^```yaml\n(.*?)^```$/ms.exec(PAGE)?.[1] ?? ''));
  });

  it('names for each statement of the documents a test that exists', () => {
    const [, section = ''] = PAGE.split('## Statements of the documents');
    const rows = [...section.matchAll(/^\| .* \| (.*) \|$/gm)].map(([, shown = '']) => shown);
    const named = rows.filter((shown) => shown !== 'shown by');
    expect(named.length).toBeGreaterThan(30);
    for (const shown of named) {
      const [, file = '', title = ''] = /^`(test\/[\w/-]+\.test\.ts)`: (.+)$/.exec(shown) ?? [];
      const source = readFileSync(file, 'utf8');
      expect(
        ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`)),
        shown,
      ).toBe(true);
    }
  });

  it('shows commands that work as printed, and their output', { timeout: 180_000 }, async () => {
    const { dir, env } = makeCheckout(await buildCli());
    const { server, pass } = await startPage();

    async function run({ command, who }: PersonalStep): Promise<string> {
      const signedIn = { TZ: 'UTC', FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: `sample-token-of-${who}` };
      const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], { cwd: dir, env: { ...env, ...signedIn } });
      return (await text(child.stdout)).trimEnd();
    }

    const steps = readSteps();
    expect(steps.length).toBeGreaterThan(15);
    for (const step of steps) {
      // The steps that the promotion takes by itself may need a moment.
      await vi.waitFor(
        async () => {
          pass(6_000);
          const output = await run(step);
          if (step.output === null) expect(output, step.command).not.toMatch(/^fairway: /m);
          else expect(output, step.command).toMatch(patternOf(step.output));
        },
        { timeout: 15_000, interval: 100 },
      );
    }
  });
});
