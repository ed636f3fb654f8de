import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { operatorClient, type Reply } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';

const exec = promisify(execFile);

const CHANNELS: Raw = {
  bootstrap: {
    channels: [
      { name: 'stable/cloud', target: '16.4.6' },
      { name: 'edge', target: '17.0.0-dev.1', accepts: ['dev'] },
      { name: 'cloud', target: '17.0.0-cloud.20241112T101530.1a2b3c4' },
      { name: 'plain', target: '16.4.6', versionPrefix: '' },
      { name: 'urgent', target: '16.4.7' },
      { name: 'withdrawn', target: '16.4.3' },
    ],
  },
};

/** What the agents of each channel should do. */
const MEANT: [channel: string, version: string | null, critical: boolean][] = [
  ['stable/cloud', '16.4.6', false],
  ['edge', '17.0.0-dev.1', false],
  ['cloud', '17.0.0-cloud.20241112T101530.1a2b3c4', false],
  ['plain', '16.4.6', false],
  ['urgent', '16.4.7', true],
  ['withdrawn', null, false],
];

const server = sharedServer(CHANNELS, {}, async (running) => {
  const api = operatorClient(running);
  await api('POST', '/channels/urgent/critical', { critical: true, reason: 'test' });
  await api('POST', '/channels/withdrawn/withdraw', { reason: 'test' });
});

describe('the shell updater', () => {
  /** Requests as the systemd timer does, without TLS; returns the standard output of curl, or null if curl fails. */
  const curl = (url: string) =>
    exec('curl', ['--proto', '=http', '-sSf', url], { encoding: 'latin1' }).then(
      ({ stdout }) => stdout,
      (error: { code: number; stdout: string }) => {
        expect(error).toMatchObject({ code: 22, stdout: '' });
        return null;
      },
    );

  /** Drops blank lines, folds spaces, strips one `v`; the rest is installed as a version. */
  const readVersion = (output: string) => {
    const text = output
      .split('\n')
      .filter((line) => line.trim() !== '')
      .join(' ')
      .replace(/\s+/g, ' ')
      .replace(/v/, '');
    return text === 'none' ? null : text;
  };

  it.each(MEANT)('gets from channel %s the version %s, critical: %s', async (channel, version, critical) => {
    const base = `${server().publicUrl}/v1/${channel}`;
    const answer = await curl(`${base}/version`);
    // Byte for byte: a shell drops line ends, and other clients do not.
    expect(answer).toBe(version === null ? 'none' : `${channel === 'plain' ? '' : 'v'}${version}`);
    expect(readVersion(answer ?? '')).toBe(version);
    expect((await curl(`${base}/critical`)) === 'yes').toBe(critical);
  });

  it('gets nothing from a channel that does not exist, and stays where it is', async () => {
    expect(await curl(`${server().publicUrl}/v1/unknown/version`)).toBeNull();
    expect(await curl(`${server().publicUrl}/v1/stable/cloud`)).toBeNull();
  });
});

describe('the Kubernetes updater', () => {
  async function get(path: string): Promise<string> {
    const response = await fetch(`${server().publicUrl}/${path}`, { redirect: 'error' });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return response.text();
  }

  /** Compares with `none` before it trims, then wants strict semver. */
  async function version(channel: string): Promise<string | null> {
    const body = await get(`v1/${channel}/version`);
    if (body === 'none') return null;
    const parsed = semver.parse(body.trim().replace(/^v/, ''), { loose: false });
    if (!parsed) throw new Error(`no version: ${body}`);
    return parsed.version;
  }

  async function critical(channel: string): Promise<boolean> {
    const word = (await get(`v1/${channel}/critical`)).trim().toLowerCase();
    if (['true', 'yes'].includes(word)) return true;
    if (['false', 'no'].includes(word)) return false;
    throw new Error(`neither: ${word}`);
  }

  it.each(MEANT)('gets from channel %s the version %s, critical: %s', async (channel, expected, urgent) => {
    expect(await version(channel)).toBe(expected);
    expect(await critical(channel)).toBe(urgent);
  });

  it('treats a channel that does not exist as an error', async () => {
    await expect(version('unknown')).rejects.toThrow('404');
    await expect(critical('unknown')).rejects.toThrow('404');
  });
});

describe('a proxy that forwards', () => {
  it.each(['', '/'])('is answered with a forward_url that ends in %j', async (end) => {
    for (const [channel, version] of MEANT) {
      for (const form of ['v1', 'v1/webapi/automaticupgrades/channel', 'webapi/automaticupgrades/channel']) {
        const forwardUrl = `${server().publicUrl}/${form}/${channel}${end}`;
        const response = await fetch(`${forwardUrl}/version`, { redirect: 'error' });
        expect([response.status, (await response.text()).trim().replace(/^v/, '')]).toEqual([200, version ?? 'none']);
      }
    }
  });
});

describe('an install script that pipes through sed', () => {
  it.each(MEANT.filter(([channel]) => channel !== 'plain'))(
    'is left with the version of %s',
    async (channel, version) => {
      const command = `curl -sf "${server().publicUrl}/v1/${channel}/version" | sed 's/v//'`;
      const { stdout } = await exec('sh', ['-c', command]);
      expect(stdout).toBe(version ?? 'none');
    },
  );
});

describe('an agent with Managed Updates v2', () => {
  /** Ignores the status and decodes any JSON; null if there is none. */
  const find = async (target: string): Promise<Reply['body']> => {
    const response = await fetch(`${server().publicUrl}${target}`);
    return response.json().catch(() => null);
  };

  it.each(MEANT)('gets from group %s the version %s', async (channel, version) => {
    const { auto_update: update } = await find(`/webapi/find?group=${encodeURIComponent(channel)}&host=h`);
    expect(update.agent_auto_update).toBe(version !== null);
    if (version !== null) expect(semver.valid(update.agent_version)).toBe(version);
    expect(update.agent_version).not.toMatch(/^v/);
  });

  it('finds nothing in an error that it could mistake for an answer', async () => {
    expect(await find('/webapi/finder')).toBeNull();
    expect(await find('/v1/unknown/version')).toBeNull();
  });
});
