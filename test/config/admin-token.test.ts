import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepAdminToken } from '../../src/config/admin-token.ts';
import { hashToken } from '../../src/config/settings.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';

describe('the admin token of a server without configured tokens', () => {
  it('is generated once, readable only by its owner, and read again', () => {
    const dataDir = join(temporaryDirectory(), 'not', 'there', 'yet');
    const made = keepAdminToken(dataDir);
    expect(made.token).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(made.sha256).toBe(hashToken(made.token ?? ''));
    expect(statSync(made.file).mode & 0o777).toBe(0o600);
    expect(readFileSync(made.file, 'utf8')).toBe(`${made.token}\n`);
    expect(keepAdminToken(dataDir)).toEqual({ file: made.file, token: null, sha256: made.sha256 });
  });

  it('differs between directories', () => {
    expect(keepAdminToken(temporaryDirectory()).token).not.toBe(keepAdminToken(temporaryDirectory()).token);
  });

  it('is refused if an interrupted start left it empty', () => {
    const dataDir = temporaryDirectory();
    writeFileSync(join(dataDir, 'admin-token'), '\n');
    expect(() => keepAdminToken(dataDir)).toThrow(/empty/);
  });

  it('signs in', async () => {
    const { token, sha256 } = keepAdminToken(temporaryDirectory());
    const server = await startServer({ tokens: [{ name: 'admin', role: 'admin', sha256 }] });
    const headers = { Authorization: `Bearer ${token}` };
    expect((await operatorClient(server, null)('GET', '/channels', undefined, headers)).status).toBe(200);
  });
});
