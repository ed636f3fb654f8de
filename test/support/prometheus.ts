import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { findProgram } from '../packages.ts';
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

/** A Prometheus that scrapes itself, gone with the test. */
export async function startPrometheus(): Promise<string> {
  const dir = temporaryDirectory();
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const config = join(dir, 'prometheus.yml');
  const job = { job_name: 'self', static_configs: [{ targets: [address] }] };
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [job] }));
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
    if (data.result.length === 0) throw new Error('nothing was scraped yet');
  };
  await vi.waitFor(up, { timeout: 30_000, interval: 100 });
  return `http://${address}`;
}
