import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { Raw } from '../../src/config/raw.ts';
import { merge } from '../../src/config/raw.ts';
import { hashToken } from '../../src/config/settings.ts';
import { HISTORY } from '../support/catalogue.ts';
import { buildCli } from '../support/cli.ts';
import { patternOf, type Step, stepsOf } from '../support/page.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

const PAGE = readFileSync('docs/releases.md', 'utf8');
const TOKENS = { ci: 'token-of-ci-in-the-tests', ann: 'token-of-ann-in-the-tests' };

type PersonalStep = Step & { who: keyof typeof TOKENS };

/** The commands of the page's consoles in turn, each with the person who runs it. */
function readSteps(): PersonalStep[] {
  return [...PAGE.matchAll(/^```console\n(.*?)\n```$/gms)].flatMap(({ index, 1: session = '' }) => {
    const who = /Ann [^`]*$/.test(PAGE.slice(0, index).split('\n\n').at(-2) ?? '') ? 'ann' : 'ci';
    return stepsOf(session).map((step) => ({ ...step, who }));
  });
}

/** The server of the page. Its clock can be put forward, so that the test does not wait for a soak. */
async function startPage(dir: string) {
  let ahead = 0;
  writeFileSync(join(dir, 'releases.json'), JSON.stringify(HISTORY));
  const settings: Raw = parse(/^```yaml\n(.*?)^```$/ms.exec(PAGE)?.[1] ?? '');
  const tokens = Object.entries(TOKENS).map(([name, token]) => {
    return { name, role: 'release-manager', sha256: hashToken(token) };
  });
  const here = { tokens, bootstrap: { releases: join(dir, 'releases.json') }, promotion: { advanceEvery: '20ms' } };
  const server = await startServer(merge(settings, here), { now: () => new Date(Date.now() + ahead) });
  return { server, pass: (ms: number) => (ahead += ms) };
}

describe('docs/releases.md', () => {
  it('shows commands that work as printed, and their output', { timeout: 180_000 }, async () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'bin'));
    symlinkSync(await buildCli(), join(dir, 'bin/fairway'));
    chmodSync(await buildCli(), 0o755);
    const { server, pass } = await startPage(dir);
    const path = [join(dir, 'bin'), process.env.PATH].join(delimiter);

    async function run({ command, who }: PersonalStep): Promise<string> {
      const env = { PATH: path, HOME: dir, TZ: 'UTC', FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: TOKENS[who] };
      const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], { cwd: dir, env });
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
