import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { runFairway, startFairway } from '../support/process.ts';
import { temporaryDirectory } from '../support/server.ts';

// These tests start many servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

describe('a start that fails', () => {
  it('names every fault of the configuration at once and exits with 2', async () => {
    const program = runFairway({
      settings: { fleet: { staleAfter: 'a while' }, publik: { port: 1 }, defaultChannel: 'Not A Channel' },
      env: { FAIRWAY_PORT: '70000', REDIS_URL: 'redis://:hunter2@host:notaport', FAIRWAY_LOG_LEVEL: 'loud' },
    });
    expect(await program.exit).toEqual({ code: 2, signal: null });
    expect(program.stderr).toContain('the configuration has 6 faults');
    for (const path of ['public.port', 'fleet.staleAfter', 'defaultChannel', 'redisUrl', 'log.level', 'publik']) {
      expect(program.stderr).toMatch(new RegExp(`^ {2}.*${path}`, 'm'));
    }
    expect(program.stderr).not.toMatch(/hunter2|\n\s+at /);
    expect(program.stdout).toBe('');
  });

  it('names an unreadable file with the other faults', async () => {
    const program = runFairway({ env: { FAIRWAY_CONFIG: '/nowhere/fairway.yaml', FAIRWAY_PORT: 'http' } });
    expect(await program.exit).toEqual({ code: 2, signal: null });
    expect(program.stderr).toContain('cannot read /nowhere/fairway.yaml');
    expect(program.stderr).toContain('public.port');
    expect(program.stderr).not.toMatch(/\n\s+at /);
  });

  it('says which address is in use, and exits with 1', async () => {
    const running = await startFairway();
    const { port } = new URL(running.publicUrl);
    const { port: operatorPort } = new URL(running.operatorUrl);
    for (const [variable, taken] of [
      ['FAIRWAY_PORT', port],
      ['FAIRWAY_OPERATOR_PORT', operatorPort],
    ] as const) {
      const program = runFairway({ env: { [variable]: taken } });
      expect(await program.exit).toEqual({ code: 1, signal: null });
      expect(program.stderr).toContain(`127.0.0.1:${taken} is taken`);
      expect(program.stderr).not.toMatch(/\n\s+at /);
    }
  });

  it.each([
    ['with a token', {}],
    ['without one', { FAIRWAY_ADMIN_TOKEN: '' }],
  ])('says that the data directory cannot be used, %s, and exits with 1', async (_, env) => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'file'), '');
    const program = runFairway({ dir, env: { FAIRWAY_DATA_DIR: join(dir, 'file/data'), ...env } });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr).toContain(join(dir, 'file/data'));
    expect(program.stderr).toMatch(/may write there/);
    expect(program.stderr).not.toMatch(/\n\s+at /);
  });

  it('says that its admin token is lost, instead of locking everyone out', async () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'data'));
    writeFileSync(join(dir, 'data/admin-token'), '');
    const program = runFairway({ dir, env: { FAIRWAY_ADMIN_TOKEN: '' } });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr).toMatch(/admin-token \(it is empty; delete it\)/);
  });
});
