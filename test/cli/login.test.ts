import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { runCli } from '../support/cli.ts';
import { QUICKSTART, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';

// Every command runs in its own process.
vi.setConfig({ testTimeout: 60_000 });

const fileIn = (home: string) => join(home, '.config/fairway/login.json');

it('saves a token that is piped in', async () => {
  const { operatorUrl } = await startServer(QUICKSTART);
  const HOME = temporaryDirectory();
  const login = await runCli(['login', operatorUrl], { env: { HOME }, input: `${TOKENS.viewer}\n` });
  expect(login).toMatchObject({ code: 0, stderr: '' });
  expect((statSync(fileIn(HOME)).mode & 0o777).toString(8)).toBe('600');
  expect((statSync(dirname(fileIn(HOME))).mode & 0o777).toString(8)).toBe('700');
  expect(login.stdout).not.toContain(TOKENS.viewer);
  expect(await runCli(['channels'], { env: { HOME } })).toMatchObject({ code: 0, stderr: '' });

  expect(await runCli(['logout'], { env: { HOME } })).toMatchObject({ code: 0 });
  expect(await runCli(['channels'], { env: { HOME } })).toMatchObject({ code: 2 });
});

it('makes the file readable only by its owner, even if it was open to everyone before', async () => {
  const { operatorUrl } = await startServer(QUICKSTART);
  const HOME = temporaryDirectory();
  mkdirSync(dirname(fileIn(HOME)), { recursive: true });
  writeFileSync(fileIn(HOME), '{}', { mode: 0o644 });
  await runCli(['login', operatorUrl], { env: { HOME }, input: TOKENS.viewer });
  expect((statSync(fileIn(HOME)).mode & 0o777).toString(8)).toBe('600');
});

it('honours XDG_CONFIG_HOME', async () => {
  const { operatorUrl } = await startServer(QUICKSTART);
  const XDG_CONFIG_HOME = temporaryDirectory();
  await runCli(['login', operatorUrl], { env: { XDG_CONFIG_HOME }, input: TOKENS.viewer });
  expect(JSON.parse(readFileSync(join(XDG_CONFIG_HOME, 'fairway/login.json'), 'utf8')).url).toBe(operatorUrl);
});

it('does not save a token that does not work', async () => {
  const { operatorUrl } = await startServer(QUICKSTART);
  const HOME = temporaryDirectory();
  const login = await runCli(['login', operatorUrl], { env: { HOME }, input: 'wrong' });
  expect(login).toMatchObject({ code: 1, stderr: expect.stringContaining('this token is not known') });
  expect(() => statSync(fileIn(HOME))).toThrow('ENOENT');
});

it('prefers FAIRWAY_URL and FAIRWAY_TOKEN to the file', async () => {
  const [kept, other] = await Promise.all([startServer(QUICKSTART), startServer()]);
  const HOME = temporaryDirectory();
  await runCli(['login', kept.operatorUrl], { env: { HOME }, input: TOKENS.viewer });
  const env = { HOME, FAIRWAY_URL: other.operatorUrl, FAIRWAY_TOKEN: TOKENS.admin };
  expect((await runCli(['channels'], { env })).stdout).toContain('no channels yet');
  const wrong = await runCli(['channels'], { env: { HOME, FAIRWAY_TOKEN: 'wrong' } });
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('this token is not known') });
});

it('recognises its server in any spelling of the URL', async () => {
  const { operatorUrl } = await startServer(QUICKSTART);
  const HOME = temporaryDirectory();
  await runCli(['login', operatorUrl], { env: { HOME }, input: TOKENS.viewer });
  expect(await runCli(['channels', '--url', `${operatorUrl}/`], { env: { HOME } })).toMatchObject({ code: 0 });
});

it('sends a saved token only to the server it was saved for', async () => {
  const [kept, other] = await Promise.all([startServer(QUICKSTART), startServer()]);
  const HOME = temporaryDirectory();
  await runCli(['login', kept.operatorUrl], { env: { HOME }, input: TOKENS.viewer });
  const elsewhere = await runCli(['channels', '--url', other.operatorUrl], { env: { HOME } });
  expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining('you are not signed in to') });
});

it('says what to do about a broken file', async () => {
  const HOME = temporaryDirectory();
  mkdirSync(dirname(fileIn(HOME)), { recursive: true });
  writeFileSync(fileIn(HOME), 'no json');
  expect(await runCli(['channels'], { env: { HOME } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('run fairway login again'),
  });
});
