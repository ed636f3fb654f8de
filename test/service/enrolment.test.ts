import { describe, expect, it, vi } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

const TOKEN = 'an-enrolment-token';
const withTokens = {
  ...QUICKSTART,
  fleet: { flushEvery: '20ms', enrolment: { mode: 'token', tokens: [{ name: 'fleet-1', sha256: hashToken(TOKEN) }] } },
};

const checkIn = (publicUrl: string, id: string, version: string, token?: string) =>
  fetch(`${publicUrl}/v1/stable/cloud/version`, {
    headers: { 'Agent-Id': id, 'Agent-Version': version, ...(token === undefined ? {} : { 'Agent-Token': token }) },
  });

describe('enrolment by token', () => {
  it('does not let a stranger block a rollout', async () => {
    const server = await startServer(withTokens);
    const api = operatorClient(server);
    await checkIn(server.publicUrl, 'mine', '16.4.6', TOKEN);
    for (const token of [undefined, '', 'wrong', hashToken(TOKEN)]) {
      const answer = await checkIn(server.publicUrl, `ancient-${token}`.slice(0, 20), '1.0.0', token);
      expect(await answer.text(), 'the poll is still answered').toBe('v16.4.6');
    }
    await vi.waitFor(async () => {
      const { body } = await api('GET', '/census?channel=stable/cloud');
      expect(body).toMatchObject({ agents: 1, oldest: { version: '16.4.6', count: 1 }, unenrolled: 4 });
    });
    const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    expect(moved).toMatchObject({ status: 200, body: { report: { stranded: 0 } } });
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain('fairway_checkins_unenrolled_total 4');
    expect(metrics).toContain('fairway_channel_unenrolled_agents{channel="stable/cloud"} 4');
  });

  it('does not let a stranger unblock one by posing as an agent that holds it up', async () => {
    const server = await startServer(withTokens);
    const api = operatorClient(server);
    await checkIn(server.publicUrl, 'old', '14.0.0', TOKEN);
    await checkIn(server.publicUrl, 'old', '16.4.6');
    await vi.waitFor(async () => expect((await api('GET', '/agents/old')).status).toBe(200));
    await checkIn(server.publicUrl, 'old', '16.4.6', 'wrong');
    await checkIn(server.publicUrl, 'witness', '16.4.6');
    await vi.waitFor(async () => expect((await api('GET', '/agents/witness')).status).toBe(200));
    expect((await api('GET', '/agents/old')).body).toMatchObject({ version: '14.0.0', enrolled: true });
    const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    expect(moved).toMatchObject({ status: 409, body: { report: { stranded: 1 } } });
  });

  it('enrols no agent while the settings list no token', async () => {
    const server = await startServer({ ...QUICKSTART, fleet: { flushEvery: '20ms', enrolment: { mode: 'token' } } });
    await checkIn(server.publicUrl, 'a', '16.4.6', TOKEN);
    await vi.waitFor(async () => {
      const { body } = await operatorClient(server)('GET', '/census?channel=stable/cloud');
      expect(body).toMatchObject({ agents: 0, unenrolled: 1 });
    });
  });

  it('shows which agents are not enrolled, and why that matters', async () => {
    const server = await startServer(withTokens);
    const api = operatorClient(server);
    await checkIn(server.publicUrl, 'stranger', '16.4.6');
    await vi.waitFor(async () => expect((await api('GET', '/agents?enrolled=false')).body.agents).toHaveLength(1));
    expect((await api('GET', '/agents?enrolled=true')).body.agents).toEqual([]);
    const { body } = await api('GET', '/agents/stranger/explain');
    expect(body.agent.enrolled).toBe(false);
    expect(body.because).toContain('it brought no enrolment token');
  });
});

describe('open enrolment', () => {
  it('accepts every check-in, with or without a token', async () => {
    const server = await startServer({ ...QUICKSTART, fleet: { flushEvery: '20ms' } });
    await checkIn(server.publicUrl, 'a', '16.4.6');
    await checkIn(server.publicUrl, 'b', '16.4.6', 'any');
    await vi.waitFor(async () => {
      const { body } = await operatorClient(server)('GET', '/census?channel=stable/cloud');
      expect(body).toMatchObject({ agents: 2, unenrolled: 0 });
    });
  });
});
