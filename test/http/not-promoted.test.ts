import { describe, expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { commandLine } from '../support/cli.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const WHY = new RegExp(
  `${RELEASE} has not reached stage internal of internal \\(canary is soaking, internal is waiting\\); ` +
    `next: fairway promote show ${RELEASE}; a release manager may move the channel by hand`,
);

/** The release soaks in canary, and has not reached internal. */
async function startSoaking() {
  const stages = [openStage('canary', { soak: '1h' }), openStage('internal')];
  const started = await startStages(stages);
  await started.register();
  await started.until('canary', 'soaking');
  return { ...started, operator: operatorClient(started.server, 'operator') };
}

describe('a channel of a stage', () => {
  it('is moved by hand only to what has reached the stage, on every face', async () => {
    const { server, operator } = await startSoaking();
    const move = { version: RELEASE, reason: 'x' };
    for (const [verb, body] of [
      ['roll-forward', move],
      ['roll-forward', { ...move, dryRun: true }],
      ['roll-forward', { ...move, immediate: true }],
      ['pin', move],
    ] as const) {
      expectProblem(await operator('POST', `/channels/internal/${verb}`, body), 409, 'not_promoted', WHY);
    }
    const { body: report } = await operator('POST', '/channels/internal/check', { version: RELEASE });
    expect(report).toMatchObject({
      allowed: false,
      reasons: [{ reason: 'not_promoted', detail: expect.stringMatching(WHY) }],
    });
    expect((await operator('GET', '/channels/internal')).body.target).toBe('16.4.7');
    const cli = commandLine(server, 'operator');
    const tried = await cli(['roll-forward', 'internal', RELEASE, '--reason', 'x', '--yes']);
    expect(tried).toMatchObject({ code: 3, stderr: expect.stringMatching(/has not reached stage internal/) });
    const person = createPerson(server);
    await person.signIn(TOKENS.operator);
    const reply = await person.submit('/channels/internal/roll-forward', move);
    expect(reply.text).toContain('has not reached stage internal');
  });

  it('goes back, and on to what reached the stage, and takes what is not registered from nobody', async () => {
    const { operator, act, until } = await startSoaking();
    const forward = (name: string, version: string) =>
      operator('POST', `/channels/${name}/roll-forward`, { version, reason: 'x' });
    expectProblem(await forward('internal', FIX), 409, 'not_promoted', /is not promoted; register it/);
    expect((await operator('POST', '/channels/canary/withdraw', { reason: 'x' })).status).toBe(200);
    await until('canary', 'halted');
    // The channel has had the release, so a person may take it there again.
    expect((await forward('canary', RELEASE)).status).toBe(200);
    expect((await act('resume')).status).toBe(200);
    expect((await operator('POST', '/channels/internal/roll-back', { version: '16.4.6', reason: 'x' })).status).toBe(
      200,
    );
    // Kinds of releases that no stage takes are not promoted.
    expect((await forward('internal', '16.4.8')).status).toBe(200);
  });

  it('gives its client tools nothing else either', async () => {
    const { api, operator } = await startSoaking();
    const tools = (toolsVersion: string, who = operator) => who('PUT', '/channels/internal', { toolsVersion });
    expectProblem(await tools(RELEASE), 409, 'not_promoted', WHY);
    expect((await tools('16.4.7')).status).toBe(200);
    expect((await tools(RELEASE, api)).status).toBe(200);
    // Who changes something else is not concerned.
    expect((await operator('PUT', '/channels/internal', { description: 'x' })).status).toBe(200);
  });

  it('is moved by release managers, also in an emergency', async () => {
    const { api } = await startSoaking();
    const { body: report } = await api('POST', '/channels/internal/check', { version: RELEASE });
    expect(report).toMatchObject({ allowed: true, warnings: [{ reason: 'not_promoted' }] });
    const move = { version: RELEASE, reason: 'they are attacked', critical: true };
    expect((await api('POST', '/channels/internal/roll-forward', move)).status).toBe(200);
  });

  it('does not concern channels outside of stages', async () => {
    const { api, operator } = await startSoaking();
    await api('PUT', '/channels/other', { target: '16.4.7' });
    const reply = await operator('POST', '/channels/other/roll-forward', { version: FIX, reason: 'x' });
    expect(reply.status).toBe(200);
  });
});
