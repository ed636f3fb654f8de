import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { BAD_ROLLOUTS } from '../support/bad-rollouts.ts';
import { commandLine } from '../support/cli.ts';
import { operatorClient, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';
import { sharedServer, stateOf } from './shared-server.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEPT = { groups: [{ name: 'kept' }] };
const channels = [{ name: 'x', target: '16.4.6', rollout: KEPT }];

/** The fields of the form in which a person types these settings. */
function formOf({ strategy = 'halt-on-error', groups }: { strategy?: string; groups: object[] }): [string, string][] {
  const fields = groups.flatMap((group, index) =>
    Object.entries({ days: ['Mon', 'Tue'], ...group }).flatMap(([name, value]): [string, string][] => {
      const field = `groups.${index}.${name}`;
      if (name === 'days') return (value as string[]).map((day) => [field, day]);
      if (name === 'window') {
        return Object.entries(value as object).map(([part, text]) => [`${field}.${part}`, String(text)]);
      }
      return [[field, Array.isArray(value) ? value.join(', ') : String(value)]];
    }),
  );
  return [['strategy', strategy], ['unmatched', 'last'], ['reason', 'test'], ...fields];
}

const unescaped = (html: string) => html.replaceAll('&quot;', '"').replaceAll('&#39;', "'");

describe('settings of a rollout that are wrong', () => {
  const shared = sharedServer({ bootstrap: { channels } });

  it.each(Object.entries(BAD_ROLLOUTS))(
    'are refused with one sentence on every face: %s',
    async (_, { rollout, says }) => {
      const server = shared();
      const api = operatorClient(server);
      const person = createPerson(server);
      await person.signIn(TOKENS.admin);
      const { revision } = (await api('GET', '/channels/x')).body;
      const before = await stateOf(server);

      const put = await api('PUT', '/channels/x', { rollout, description: 'half done' });
      expect(put).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringContaining(says) } });

      const others = ['y', 'z'].map((name) => ({ name, target: '16.4.6' }));
      const applied = await api('POST', '/apply', { fairway: 1, channels: [...others, { name: 'x', rollout }] });
      expect(applied).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringContaining(says) } });

      const cwd = temporaryDirectory();
      writeFileSync(join(cwd, 'settings.yaml'), JSON.stringify({ description: 'half done', rollout }));
      const set = await commandLine(server)(
        ['channel', 'set', 'x', '--file', 'settings.yaml', '--reason', 'test', '--yes'],
        {
          cwd,
        },
      );
      expect(set).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });

      const typed = [...formOf(rollout), ['revision', String(revision)]] as [string, string][];
      for (const confirm of [[], [['confirm', 'yes'] as [string, string]]]) {
        const page = await person.submitAll('/channels/x/rollout/settings', [...typed, ...confirm]);
        expect(page.status).toBe(422);
        expect(unescaped(page.text)).toContain(says);
        for (const [name, text] of typed.filter(([field]) =>
          /^groups\.\d+\.(name|match|waves|canaries|window)/.test(field),
        )) {
          expect(unescaped(page.text)).toMatch(new RegExp(`name="${name}"[^>]*value="${text.replaceAll('.', '\\.')}"`));
        }
      }

      expect(await stateOf(server)).toEqual(before);
      await expect(startServer({ bootstrap: { channels: [{ ...channels[0], rollout }] } })).rejects.toThrow(says);
    },
  );
});

it('asks a person on every face, where a group has fewer agents than canaries', async () => {
  const server = await startServer({
    leader: { plansEvery: '10ms' },
    bootstrap: { channels: [{ name: 'x', target: '16.4.6', rollout: { groups: [{ name: 'dev', canaries: 3 }] } }] },
  });
  const api = operatorClient(server);
  const says =
    'it has 0 agents that can be a canary and needs 3; lower its canaries, or begin without: fairway rollout start x --group dev --skip-canaries';
  await api('POST', '/channels/x/roll-forward', { version: '16.4.7', reason: 'test' });
  expect((await api('GET', '/channels/x/rollout')).body).toMatchObject({ state: 'unstarted', next: `dev: ${says}` });
  expect((await commandLine(server)(['rollout', 'x', '-o', 'json'])).stdout).toContain(says);
  const person = createPerson(server);
  await person.signIn(TOKENS.admin);
  expect((await person.get('/channels/x')).text).toContain(says);
});
