import { expect, it } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { QUICKSTART, startServer } from '../support/server.ts';

it('lists channels', async () => {
  const fairway = commandLine(await startServer(QUICKSTART));
  const { code, stdout, stderr } = await fairway(['channels']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^stable\/cloud +16\.4\.6 +no +no +0 /m);
});

it('exits 3 when a check refuses', async () => {
  const fairway = commandLine(await startServer(QUICKSTART));
  expect(await fairway(['check', 'stable/cloud', '17.0.0'])).toMatchObject({ code: 3 });
  expect(await fairway(['check', 'stable/cloud', '16.4.7'])).toMatchObject({ code: 0 });
});
