import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { findProgram } from './packages.ts';
import { temporaryDirectory } from './server.ts';

const PROGRAM = findProgram('prometheus');

export const hasPrometheus = PROGRAM !== null;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

export interface PrometheusOptions {
  /** Addresses to scrape in addition to its own, by the name of their job. */
  jobs?: Record<string, string[]>;
  /** A file of rules, which are evaluated every second. */
  rules?: string;
}

/** Starts a Prometheus that scrapes itself and stops with the test. Returns its URL. */
export async function startPrometheus({ jobs = {}, rules }: PrometheusOptions = {}): Promise<string> {
  const dir = temporaryDirectory();
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const config = join(dir, 'prometheus.yml');
  const scrapes = Object.entries({ self: [address], ...jobs }).map(([name, targets]) => {
    return { job_name: name, static_configs: [{ targets }] };
  });
  const global = { scrape_interval: '1s', evaluation_interval: '1s' };
  const rule_files = rules === undefined ? [] : [resolve(rules)];
  writeFileSync(config, JSON.stringify({ global, rule_files, scrape_configs: scrapes }));
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=${address}`,
  ];
  const child = spawn(PROGRAM ?? 'prometheus', args, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const up = async () => {
    const answer = await fetch(`http://${address}/api/v1/query?query=up==1`);
    const { data } = (await answer.json()) as { data: { result: unknown[] } };
    if (data.result.length < scrapes.length) throw new Error('not everything was scraped yet');
  };
  await vi.waitFor(up, { timeout: 30_000, interval: 100 });
  return `http://${address}`;
}
