import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Authority, canTls, createAuthority, install } from '../support/certificates.ts';
import { type FairwayProcess, runFairway, startFairway } from '../support/process.ts';
import { QUICKSTART } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

interface TlsServer {
  server: FairwayProcess;
  authority: Authority;
  /** Where the server looks. */
  files: { certificate: string; key: string };
}

/** A server with TLS and the certificate `first`, which checks its files often. */
async function startTls(settings = {}): Promise<TlsServer> {
  const authority = createAuthority();
  const files = { certificate: join(authority.dir, 'served.pem'), key: join(authority.dir, 'served.key') };
  install(authority.issue('first'), files);
  const tls = { ...files, lookEvery: '20ms' };
  const server = await startFairway({ settings: { ...QUICKSTART, public: { tls }, ...settings } });
  return { server, authority, files };
}

interface Curled {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the real curl as Teleport's shell updater does, with the additional arguments `more`. */
function curl({ server, authority }: TlsServer, ...more: string[]): Promise<Curled> {
  const args = ['--proto', '=https', '--tlsv1.2', '-sSf', '--cacert', authority.ca, ...more];
  return new Promise((resolve) => {
    execFile('curl', [...args, `${server.publicUrl}/v1/stable/cloud/version`], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** The name in the certificate that a new connection gets. */
async function shownName({ server }: TlsServer): Promise<string> {
  const { hostname, port } = new URL(server.publicUrl);
  const socket = tlsConnect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

/** The names that several new connections get, enough to reach every worker. */
const shownNames = async (server: TlsServer) =>
  new Set(await Promise.all(Array.from({ length: 20 }, () => shownName(server))));

/** Polls on one kept connection; returns the socket that was used. */
function keptConnection({ server }: TlsServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  onTestFinished(() => agent.destroy());
  return async (): Promise<TLSSocket> => {
    const asked = request(`${server.publicUrl}/v1/stable/cloud/version`, { agent }).end();
    const [response] = await once(asked, 'response');
    expect(await text(response)).toBe('v16.4.6');
    return asked.socket as TLSSocket;
  };
}

const METRICS = {
  expiry: 'fairway_tls_certificate_expiry_timestamp_seconds',
  current: 'fairway_tls_certificate_current',
};

// Needs openssl and curl, which are installed where this is root on Debian.
describe.skipIf(!canTls).each([1, 2])('the public listener with a certificate and %d worker(s)', (workers) => {
  it('serves the shell updater in TLS 1.2 and 1.3, and refuses older versions', async () => {
    const server = await startTls({ workers });
    expect(server.server.publicUrl).toMatch(/^https:/);
    for (const version of [[], ['--tls-max', '1.2'], ['--tlsv1.3', '--tls-max', '1.3']]) {
      expect(await curl(server, ...version), String(version)).toEqual({ code: 0, stdout: 'v16.4.6', stderr: '' });
    }
    // The OpenSSL of Debian does not offer older versions by default.
    const old = await curl(server, '--tlsv1.1', '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0');
    expect(old).toMatchObject({ code: 35, stdout: '', stderr: expect.stringContaining('alert protocol version') });
    const plain = await fetch(server.server.publicUrl.replace('https', 'http')).catch((error: Error) => error);
    expect(plain).toBeInstanceOf(Error);
  });

  it('serves a new certificate without losing a connection, and keeps it while the next one is bad', async () => {
    const server = await startTls({ workers });
    const { authority, files } = server;
    const poll = keptConnection(server);
    const socket = await poll();
    expect(await shownNames(server)).toEqual(new Set(['first']));

    install(authority.issue('second', 1), files);
    await vi.waitFor(async () => expect(await shownNames(server)).toEqual(new Set(['second'])));
    expect(await poll(), 'the connection is the same').toBe(socket);
    expect((await curl(server)).stdout).toBe('v16.4.6');
    const inADay = Date.now() / 1000 + 24 * 3600;
    expect(Math.abs(((await server.server.metric(METRICS.expiry)) as number) - inADay)).toBeLessThan(300);

    writeFileSync(files.certificate, 'no certificate');
    await vi.waitFor(async () => expect(await server.server.metric(METRICS.current)).toBe(0));
    expect(await shownNames(server)).toEqual(new Set(['second']));
    expect(await poll()).toBe(socket);
    const complaint = server.server.logs().filter(({ msg }) => String(msg).includes('the old one stays'));
    expect(complaint).toHaveLength(1);
    expect(complaint[0]).toMatchObject({ level: 'error', file: files.certificate, expires: expect.any(String) });

    install(authority.issue('third'), files);
    await vi.waitFor(async () => expect(await shownNames(server)).toEqual(new Set(['third'])));
    expect(await server.server.metric(METRICS.current)).toBe(1);
  });
});

describe.skipIf(!canTls)('a certificate', () => {
  it.each<[what: string, spoil: (server: TlsServer) => void, why: RegExp]>([
    [
      'whose key does not belong to it',
      ({ authority, files }) => install({ ...authority.issue('a'), key: authority.issue('b').key }, files),
      /the key does not belong to the certificate/,
    ],
    ['that has expired', ({ authority, files }) => install(authority.issue('old', -1), files), /expired at 20/],
    ['whose key is gone', ({ files }) => rmSync(files.key), /ENOENT/],
    ['that is empty', ({ files }) => writeFileSync(files.certificate, ''), /PEM/],
  ])('%s is not served', async (_, spoil, why) => {
    const server = await startTls();
    spoil(server);
    await vi.waitFor(async () => expect(await server.server.metric(METRICS.current)).toBe(0));
    expect(server.server.logs().at(-1)?.why).toMatch(why);
    expect((await curl(server)).stdout).toBe('v16.4.6');
    expect(server.server.stdout).not.toContain('PRIVATE KEY');
  });

  it('is served when a link to it is swapped, as certbot and Kubernetes do', async () => {
    const authority = createAuthority();
    for (const name of ['first', 'second']) authority.issue(name);
    const at = (name: string) => join(authority.dir, name);
    const link = (name: string) => {
      for (const suffix of ['pem', 'key']) {
        symlinkSync(at(`${name}.${suffix}`), at(`next.${suffix}`));
        renameSync(at(`next.${suffix}`), at(`live.${suffix}`));
      }
    };
    link('first');
    const files = { certificate: at('live.pem'), key: at('live.key') };
    const tls = { ...files, lookEvery: '20ms' };
    const server = { server: await startFairway({ settings: { public: { tls } } }), authority, files };
    link('second');
    await vi.waitFor(async () => expect(await shownName(server)).toBe('second'));
  });

  it('that is unusable at the start is reported with its files, and the server exits 1', async () => {
    const { dir } = createAuthority();
    const tls = { certificate: join(dir, 'ca.pem'), key: join(dir, 'nothing.key') };
    const program = runFairway({ settings: { public: { tls } } });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr).toMatch(/^fairway cannot start: cannot serve TLS with .*ca\.pem and .*nothing\.key: ENOENT/);
    expect(program.stderr).not.toMatch(/\n\s+at /);
  });

  it('does not delay a stop if a client never finishes the TLS handshake', async () => {
    const { server } = await startTls({ shutdown: { deadline: '300ms' } });
    const { hostname, port } = new URL(server.publicUrl);
    const silent = connect(Number(port), hostname);
    silent.on('error', () => {});
    onTestFinished(() => void silent.destroy());
    await once(silent, 'connect');
    const start = performance.now();
    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - start, 'less than the time that a handshake may take').toBeLessThan(8_000);
  });
});

it.skipIf(!canTls)('serves operators over TLS, and takes a renewed certificate', async () => {
  const authority = createAuthority();
  const files = { certificate: join(authority.dir, 'served.pem'), key: join(authority.dir, 'served.key') };
  install(authority.issue('first'), files);
  const tls = { ...files, lookEvery: '20ms' };
  const server = await startFairway({ settings: { ...QUICKSTART, operator: { tls } } });
  expect(server.operatorUrl).toMatch(/^https:/);
  const ready = () =>
    new Promise<string>((resolve) => {
      const args = ['-sS', '--cacert', authority.ca, `${server.operatorUrl}/readyz`];
      execFile('curl', args, (error, stdout, stderr) => resolve(error ? stderr : stdout));
    });
  expect(await ready()).toBe('ready');
  const name = () => shownName({ server: { ...server, publicUrl: server.operatorUrl }, authority, files });
  expect(await name()).toBe('first');
  install(authority.issue('second'), files);
  await vi.waitFor(async () => expect(await name()).toBe('second'));
  expect((await server.poll()).body).toBe('v16.4.6');
});
