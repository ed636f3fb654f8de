import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { createAuthority } from './certificates.ts';
import { findProgram } from './packages.ts';

export interface Backend {
  /** `HOST:PORT` of the public listener. */
  address: string;
  operatorPort: string;
}

export interface RunningProxy {
  url: string;
  /** The file of the certificate authority that clients trust. */
  ca: string;
}

/** A proxy from Debian, configured as `docs/operating.md` shows. */
export interface ProxyKind {
  name: string;
  here: boolean;
  start(backends: [Backend, Backend]): Promise<RunningProxy>;
}

const PAGE = readFileSync('docs/operating.md', 'utf8');
const example = (language: string): string => {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(PAGE)?.[1];
  if (!block) throw new Error(`docs/operating.md has no block of ${language}`);
  return block;
};

/** A port that was free a moment ago on `host`. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Runs a proxy until the test ends; rejects with what it says if it ends before. */
async function runProxy(program: string, args: string[], url: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let ended = false;
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  void said.then(() => {
    ended = true;
  });
  const { hostname, port } = new URL(url);
  while (!(await listens(hostname, Number(port)))) if (ended) throw new Error(`${program}: ${(await said).join('')}`);
}

async function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(() => resolve(false), 20));
  });
}

const MAX_AGE_SECONDS = 1;

const withBackends = (config: string, [one, two]: [Backend, Backend]): string =>
  config
    .replaceAll('fairway-1:8080 port 8081', `${one.address} port ${one.operatorPort}`)
    .replaceAll('fairway-2:8080 port 8081', `${two.address} port ${two.operatorPort}`)
    .replaceAll('fairway-1:8080', one.address)
    .replaceAll('fairway-2:8080', two.address)
    // The tests have less patience.
    .replace('maxAge=30s', `maxAge=${MAX_AGE_SECONDS}s`)
    .replace('Fairway-Max-Age 30', `Fairway-Max-Age ${MAX_AGE_SECONDS}`);

export const nginx: ProxyKind = {
  name: 'nginx',
  here: findProgram('nginx') !== null,
  async start(backends) {
    const { dir, ca, issue } = createAuthority();
    const { certificate, key } = issue('proxy');
    const url = `https://127.0.0.1:${await freePort()}`;
    const site = withBackends(example('nginx'), backends)
      .replace('listen 443', `listen ${new URL(url).host}`)
      .replace('/etc/nginx/chain.pem', certificate)
      .replace('/etc/nginx/key.pem', key);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${dir};`);
    const config = `daemon off; master_process off; pid ${dir}/pid; error_log stderr;
events {}
http { access_log off; ${temporary.join(' ')}
${site}}`;
    writeFileSync(join(dir, 'nginx.conf'), config);
    await runProxy(findProgram('nginx') as string, ['-c', join(dir, 'nginx.conf'), '-p', dir], url);
    return { url, ca };
  },
};

export const haproxy: ProxyKind = {
  name: 'HAProxy',
  here: findProgram('haproxy') !== null,
  async start(backends) {
    const { dir, ca, issue } = createAuthority();
    const { certificate, key } = issue('proxy');
    const both = join(dir, 'both.pem');
    writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'));
    const url = `https://127.0.0.1:${await freePort()}`;
    const config = withBackends(example('haproxy'), backends)
      .replace('bind :443', `bind ${new URL(url).host}`)
      .replace('/etc/haproxy/fairway.pem', both);
    writeFileSync(join(dir, 'haproxy.cfg'), config);
    await runProxy(findProgram('haproxy') as string, ['-f', join(dir, 'haproxy.cfg')], url);
    return { url, ca };
  },
};
