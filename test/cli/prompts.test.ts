import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandLine, signedIn } from '../support/cli.ts';
import { operatorClient, QUICKSTART, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';
import { CTRL_C, CTRL_D, hasTerminal, onTerminal } from '../support/terminal.ts';

const FORWARD = ['roll-forward', 'stable/cloud', '16.4.7'];
const QUESTION = 'Roll stable/cloud forward to 16.4.7? [y/N]';

async function stranding() {
  const server = await startServer(QUICKSTART);
  const fairway = commandLine(server);
  const instances = ['16.4.6', '15.4.7', '15.4.7'].map((version, index) => {
    const services = index === 0 ? ['Node', 'Auth'] : ['Node'];
    return {
      kind: 'instance',
      metadata: { name: `agent-${index}` },
      spec: { version, services, ext_upgrader: 'unit' },
    };
  });
  await fairway(['inventory', 'import', '--channel', 'stable/cloud'], { input: JSON.stringify(instances) });
  await fairway(['control-planes', 'report', 'main', '17.0.1']);
  return server;
}

const inOneLine = (screen: string) => screen.replaceAll(/\s+/g, ' ');

const targetOf = async (server: Awaited<ReturnType<typeof startServer>>) =>
  (await operatorClient(server)('GET', '/channels/stable%2Fcloud')).body.target;

describe.skipIf(!hasTerminal)('on a terminal (needs script from util-linux)', { timeout: 60_000 }, () => {
  it('asks for the reason, shows the report, asks, and does it', async () => {
    const server = await startServer(QUICKSTART);
    const { code, screen, unsaid } = await onTerminal(FORWARD, { env: signedIn(server) }, [
      ['Reason:', 'incident 12\r'],
      [QUESTION, 'y\r'],
    ]);
    expect(unsaid).toEqual([]);
    expect(screen).toMatch(/from +16\.4\.6\n *to +16\.4\.7\n *go up +1, each in its maintenance window/);
    expect(screen).toMatch(/stable\/cloud was rolled forward to 16\.4\.7 \(revision \d+\)\n$/);
    expect(code).toBe(0);
    const { body } = await operatorClient(server)('GET', '/audit?limit=1');
    expect(body.entries[0]).toMatchObject({ action: 'roll-forward', actor: 'token:admin', reason: 'incident 12' });
  });

  it('takes answers that were typed before their questions', async () => {
    const server = await startServer(QUICKSTART);
    const { code, screen } = await onTerminal(FORWARD, { env: signedIn(server) }, [['Reason:', 'incident 12\ry\r']]);
    expect(screen).toContain(`${QUESTION} y`);
    expect({ code, target: await targetOf(server) }).toEqual({ code: 0, target: '16.4.7' });
  });

  it.each([
    ['n', 'n\r', 1],
    ['Enter', '\r', 1],
    ['anything but yes', 'maybe\r', 1],
    ['the end of input', CTRL_D, 1],
    ['Ctrl-C', CTRL_C, 130],
  ])('changes nothing when the answer is %s', async (_, typed, exit) => {
    const server = await startServer(QUICKSTART);
    const { code, screen } = await onTerminal([...FORWARD, '-r', 'x'], { env: signedIn(server) }, [[QUESTION, typed]]);
    expect({ code, target: await targetOf(server) }).toEqual({ code: exit, target: '16.4.6' });
    expect(screen).toContain('nothing was changed');
  });

  it('is refused when the channel changes while it asks', async () => {
    const server = await startServer(QUICKSTART);
    const pin = () => operatorClient(server)('POST', '/channels/stable%2Fcloud/pin', { reason: 'someone else' });
    const typed = async () => {
      await pin();
      return 'y\r';
    };
    const { code, screen } = await onTerminal([...FORWARD, '-r', 'x'], { env: signedIn(server) }, [[QUESTION, typed]]);
    expect({ code, target: await targetOf(server) }).toEqual({ code: 4, target: '16.4.6' });
    expect(inOneLine(screen)).toContain('was changed by someone else (revision 2); read it again and try again');
  });

  it('asks for the typed number before it hurries agents to where they are stranded', async () => {
    const server = await stranding();
    const forward = ['roll-forward', 'stable/cloud', '17.0.0', '--yes', '-r', 'x', '--accept-stranding', '2'];
    expect((await commandLine(server)(forward)).code).toBe(0);
    const command = ['critical', 'stable/cloud', '-r', 'hurry'];
    const { code, screen } = await onTerminal(command, { env: signedIn(server) }, [
      ['type the number of stranded agents', '2\r'],
    ]);
    expect(screen).toMatch(/strand +2\n/);
    expect(screen).toContain('stable/cloud is critical');
    expect(code).toBe(0);
  });

  it('overrides a refusal for the typed number of stranded agents', async () => {
    const server = await stranding();
    const command = ['roll-forward', 'stable/cloud', '17.0.0', '-r', 'they are gone'];
    const { code, screen } = await onTerminal(command, { env: signedIn(server) }, [
      ['type the number of stranded agents', '2\r'],
    ]);
    expect(screen).toMatch(/strand +2\n/);
    expect(inOneLine(screen)).toContain(
      '2 agents at 15.4.7 would skip a major on the way to 17.0.0; bring them to 16.x first',
    );
    expect({ code, target: await targetOf(server) }).toEqual({ code: 0, target: '17.0.0' });
  });

  it.each([
    ['another number', '3\r'],
    ['yes', 'y\r'],
    ['Enter', '\r'],
  ])('does not override for %s', async (_, typed) => {
    const server = await stranding();
    const command = ['roll-forward', 'stable/cloud', '17.0.0', '-r', 'x'];
    const { code } = await onTerminal(command, { env: signedIn(server) }, [
      ['type the number of stranded agents', typed],
    ]);
    expect({ code, target: await targetOf(server) }).toEqual({ code: 3, target: '16.4.6' });
  });

  it('does not offer an override that would not help', async () => {
    const server = await stranding();
    const command = ['roll-forward', 'stable/cloud', '17.0.0', '-r', 'x'];
    const { code, screen } = await onTerminal(command, { env: signedIn(server, 'operator') });
    expect(code).toBe(3);
    expect(screen).not.toContain('type the number of stranded agents');
  });

  it('saves URL and token of a login in a file that only the user can read, and never shows the token', async () => {
    const server = await startServer(QUICKSTART);
    const home = temporaryDirectory();
    const { code, screen } = await onTerminal(['login'], { env: { HOME: home } }, [
      ['URL of the operator listener [http://127.0.0.1:8081]:', `${server.operatorUrl}\r`],
      ['Token (not shown):', `${TOKENS.operator}\r`],
    ]);
    expect({ code, shown: screen.includes(TOKENS.operator) }).toEqual({ code: 0, shown: false });
    const file = join(home, '.config/fairway/login.json');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ url: server.operatorUrl, token: TOKENS.operator });
  });
});
