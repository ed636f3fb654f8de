import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildCli } from '../support/cli.ts';
import { ROOT } from '../support/process.ts';
import { openStage, startStages } from '../support/promotion.ts';
import { TOKENS, temporaryDirectory } from '../support/server.ts';

const FILE = 'docs/ci/release.yaml';
const SOURCE = readFileSync(FILE, 'utf8');
const OLD = '16.4.7';

interface Step {
  name?: string;
  id?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string | number>;
}
interface Workflow {
  env: Record<string, string>;
  jobs: Record<string, { env?: Record<string, string | number>; steps: Step[] }>;
}
const workflow = parse(SOURCE) as Workflow;
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

/** What is used of GitHub's own parser. */
interface WorkflowParser {
  NoOperationTraceWriter: new () => object;
  parseWorkflow(
    file: { name: string; content: string },
    trace: object,
  ): { context: { errors: { getErrors(): object[] } } };
}

/** The parser is made for bundlers: it imports JSON as Node does not. */
async function loadParser(): Promise<WorkflowParser> {
  const outfile = join(temporaryDirectory(), 'parser.mjs');
  const stdin = { contents: "export * from '@actions/workflow-parser';", resolveDir: ROOT };
  await build({ stdin, outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'error' });
  return import(outfile);
}

describe('the workflow of docs/ci.md', () => {
  it('is one that GitHub accepts', async () => {
    const { NoOperationTraceWriter, parseWorkflow } = await loadParser();
    const parsed = (content: string) =>
      parseWorkflow({ name: FILE, content }, new NoOperationTraceWriter()).context.errors.getErrors();
    expect(parsed(SOURCE)).toEqual([]);
    expect(parsed(SOURCE.replace('runs-on:', 'runs-in:'))).not.toEqual([]);
    expect(parsed(SOURCE.replace('needs.cut.outputs', 'nedes.cut.outputs'))).not.toEqual([]);
  });

  it('puts no expression into a script, where a title could become a command', () => {
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });

  it('explains every secret, variable and script of the workflow', () => {
    const page = readFileSync('docs/ci.md', 'utf8');
    for (const [, name] of SOURCE.matchAll(/(?:vars|secrets)\.(\w+)/g)) expect(page).toContain(`\`${name}\``);
    for (const [, name] of SOURCE.matchAll(/\.\/(ci\/\w+)/g)) expect(page).toContain(`\`${name} `);
  });
});

const git = async (dir: string, ...args: string[]) => {
  const author = ['-c', 'user.name=Zoe B', '-c', 'user.email=zoe@example.com', '-c', 'commit.gpgsign=false'];
  const child = spawn('git', [...author, ...args], { cwd: dir });
  const output = await text(child.stdout);
  return output.trim();
};

/** A repository with two pull requests since the last release, and the scripts of the deployer. */
async function makeRepository() {
  const dir = join(temporaryDirectory(), 'a repository');
  mkdirSync(join(dir, 'ci'), { recursive: true });
  for (const [name, body] of [
    ['build', 'echo "built $1 $2" >> log'],
    ['deploy', 'echo "deployed $1 $2" >> log'],
  ] as const) {
    writeFileSync(join(dir, 'ci', name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(dir, 'ci', name), 0o755);
  }
  await git(dir, 'init', '-q');
  await git(dir, 'commit', '-q', '--allow-empty', '-m', 'The beginning');
  await git(dir, 'tag', `v${OLD}`);
  const risky = 'Rework the "recorder"; $(touch pwned) (#4711)\n\nSignificant: yes';
  for (const message of [risky, 'Fix a typo (#4712)', 'No pull request']) {
    await git(dir, 'commit', '-q', '--allow-empty', '-m', message);
  }
  mkdirSync(join(dir, '.fairway'));
  const cli = await buildCli();
  chmodSync(cli, 0o755);
  symlinkSync(cli, join(dir, '.fairway/fairway'));
  return { dir, commit: await git(dir, 'rev-parse', 'HEAD') };
}

/** Runs the jobs of the workflow as a runner does, as far as this workflow needs it. */
async function startRunner(over: Record<string, string> = {}) {
  const stage = openStage('canary', { tenants: { class: 'canary' }, soak: '1ms' });
  const started = await startStages([stage]);
  const { server, api } = started;
  await api('POST', '/releases/import', [{ version: OLD, date: null, security: false }]);
  await api('PUT', '/control-planes/canary', { version: OLD, class: 'canary' });
  await api('PUT', '/channels/canary', { controlPlane: 'canary' });
  const { dir, commit } = await makeRepository();
  const outputs: Record<string, string> = {};
  const files = { GITHUB_OUTPUT: join(dir, 'output'), GITHUB_PATH: join(dir, 'path') };

  const known: Record<string, string> = {
    'vars.FAIRWAY_URL': server.operatorUrl,
    'secrets.FAIRWAY_CI_TOKEN': TOKENS['release-manager'],
    'secrets.FAIRWAY_DEPLOY_TOKEN': TOKENS.operator,
    'inputs.previous': OLD,
    'matrix.control-plane': 'canary',
  };
  const evaluate = (value: string | number): string =>
    String(value).replaceAll(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
      const [, output] = /\.outputs\.([\w-]+)$/.exec(expression) ?? [];
      const found = output === undefined ? known[expression] : outputs[output];
      if (found === undefined) throw new Error(`the workflow uses ${expression}, which the test does not know`);
      return found;
    });
  const evaluated = (env: Record<string, string | number> = {}) =>
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, evaluate(value)]));

  async function runStep(job: string, { run = '', env }: Step) {
    for (const file of Object.values(files)) writeFileSync(file, '', { flag: 'a' });
    const paths = readFileSync(files.GITHUB_PATH, 'utf8').trim().split('\n').filter(Boolean);
    const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', `exec 2>&1\n${run}`], {
      cwd: dir,
      env: {
        ...{ PATH: [...paths, process.env.PATH].join(delimiter), HOME: temporaryDirectory(), GITHUB_SHA: commit },
        ...files,
        ...evaluated(workflow.env),
        ...evaluated(workflow.jobs[job]?.env),
        ...evaluated(env),
        ...{ POLL_SECONDS: '0.2', ...over },
      },
    });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const said = await text(child.stdout);
    for (const line of readFileSync(files.GITHUB_OUTPUT, 'utf8').split('\n').filter(Boolean)) {
      const [name = '', ...value] = line.split('=');
      outputs[name] = value.join('=');
    }
    return { code: await closed, said };
  }

  /** Runs the steps of a job until one fails; returns the name and the status of the last one. */
  async function runJob(job: string, before: (name: string) => Promise<void> = async () => {}) {
    let last = { name: '', code: 0 as number | null, said: '' };
    for (const step of workflow.jobs[job]?.steps ?? []) {
      if (step.run === undefined) continue;
      await before(step.name ?? '');
      last = { name: step.name ?? '', ...(await runStep(job, step)) };
      if (last.code !== 0) break;
    }
    return last;
  }
  const log = () => readFileSync(join(dir, 'log'), 'utf8').trim().split('\n');
  return { ...started, dir, outputs, runJob, log };
}

describe('its shell', () => {
  beforeAll(() => void buildCli());

  it('takes a release from its cut to a control plane', { timeout: 120_000 }, async () => {
    const { api, outputs, runJob, log } = await startRunner();
    expect(await runJob('cut')).toMatchObject({ code: 0 });
    const { version = '' } = outputs;
    expect(version).toMatch(/^17\.0\.0-cloud\.\d{8}T\d{6}\.[0-9a-f]{7,}$/);
    const release = (await api('GET', `/releases/${version}`)).body;
    expect(release).toMatchObject({ previous: OLD, artifacts: { controlPlane: { state: 'absent' } } });
    expect(release.changes).toMatchObject([
      { pr: 4711, title: 'Rework the "recorder"; $(touch pwned)', significant: true, author: 'Zoe-B' },
      { pr: 4712, title: 'Fix a typo', significant: false },
    ]);
    expect(await runJob('control-plane')).toMatchObject({ code: 0 });
    expect(await runJob('deploy')).toMatchObject({ code: 0, name: 'Make sure that it runs what it should' });
    expect((await api('GET', '/control-planes/canary')).body).toMatchObject({ version, state: 'running' });
    expect(await runJob('packages')).toMatchObject({ code: 0 });
    expect((await api('GET', `/releases/${version}`)).body.artifacts).toMatchObject({
      controlPlane: { state: 'published' },
      packages: { state: 'published' },
      helm: { state: 'published' },
    });
    const built = ['control-plane', 'packages', 'helm'].map((set) => `built ${set} ${version}`);
    expect(log()).toEqual([built[0], `deployed canary ${version}`, ...built.slice(1)]);
  });

  it('stops where it is not the turn of a control plane, and where the release is pulled', {
    timeout: 120_000,
  }, async () => {
    const { api, outputs, runJob, log } = await startRunner({ WAIT_SECONDS: '0' });
    await runJob('cut');
    const early = await runJob('deploy');
    expect(early).toMatchObject({ code: 124, name: 'Wait until this control plane should run the release' });
    await runJob('control-plane');
    const { version = '' } = outputs;
    await expect.poll(async () => (await api('GET', '/control-planes/canary/wanted')).body).toBe(`${version}\n`);
    const late = await runJob('deploy', async (name) => {
      if (name.startsWith('Ask')) await api('POST', `/releases/${version}/pull`, { reason: 'it leaks sessions' });
    });
    expect(late).toMatchObject({ code: 3, name: 'Ask whether it may be deployed now' });
    expect(late.said).toContain('it leaks sessions');
    expect(log()).toEqual([`built control-plane ${version}`]);
  });
});
