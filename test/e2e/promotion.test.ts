import { readFileSync } from 'node:fs';
import { sign } from '@octokit/webhooks-methods';
import { describe, expect, it, vi } from 'vitest';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { HISTORY } from '../support/catalogue.ts';
import { operatorClient, startServer, type TestServer } from '../support/server.ts';

const SECRET = 'a-secret-shared-with-github';
const STAGES = ['canary', 'internal', 'trials', 'team-enterprise'];
const BEFORE = '17.0.0-cloud.20241111T080000.0ddba11';
const RELEASE = '17.0.0-cloud.20241112T101530.f00dfac';
const COMMIT = 'f00dfacadef00dfacadef00dfacadef00dfacade';
const HOUR = 3_600_000;

/** A server with four stages, each with a channel and a control plane, and a clock that moves only when told. */
async function startCloud() {
  let time = Date.parse('2024-11-12T10:30:00Z');
  const stages = STAGES.map((name, index) => ({
    name,
    channels: [`cloud/${name}`],
    controlPlanes: [name],
    soak: '1h',
    ...(index === 0 ? { automatic: true, signOff: false, approval: false } : {}),
  }));
  const server = await startServer(
    {
      bootstrap: {
        controlPlanes: Object.fromEntries(STAGES.map((name) => [name, BEFORE])),
        channels: STAGES.map((name) => ({ name: `cloud/${name}`, target: BEFORE, controlPlane: name })),
      },
      promotion: { stages, advanceEvery: '20ms' },
      github: { webhookSecret: SECRET, repository: 'gravitational/teleport' },
    },
    { now: () => new Date(time) },
  );
  const wait = (ms: number) => {
    time += ms;
  };
  return { server, wait, ci: operatorClient(server, 'release-manager'), manager: operatorClient(server, 'admin') };
}

/** An agent that polls as the updaters do, and runs the version it gets. */
function createAgent({ publicUrl }: TestServer, channel: string, id: string) {
  let version = BEFORE;
  return async () => {
    const headers = { 'Agent-Id': id, 'Agent-Version': version };
    const answer = await fetch(`${publicUrl}/v1/${channel}/version`, { headers });
    version = (await answer.text()).replace(/^v/, '');
    return version;
  };
}

async function label(server: TestServer, action: 'labeled' | 'unlabeled', pr: number, delivery: string) {
  const body = JSON.stringify({
    action,
    label: { name: 'cloud/verified' },
    pull_request: { number: pr, updated_at: '2024-11-12T10:40:00Z' },
    repository: { full_name: 'gravitational/teleport' },
    sender: { login: 'zmb3' },
  });
  const response = await fetch(`${server.operatorUrl}/hooks/github`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-GitHub-Event': 'pull_request',
      'X-GitHub-Delivery': delivery,
      'X-Hub-Signature-256': await sign(SECRET, body),
    },
    body,
  });
  return { status: response.status, body: await response.json() };
}

describe('a cloud release', () => {
  it('goes through all four stages, with agents that follow, and all go back when it is pulled', async () => {
    const { server, wait, ci, manager } = await startCloud();
    const history = JSON.parse(readFileSync('test/fixtures/teleport-releases.json', 'utf8'));
    expect(await manager('POST', '/releases/import', history)).toMatchObject({ status: 200 });
    const older = { version: BEFORE, commit: '0ddba11', cutAt: '2024-11-11T08:00:00Z' };
    await ci('POST', '/releases', { ...older, artifacts: { controlPlane: 'published', packages: 'published' } });
    const agents = STAGES.map((name) => createAgent(server, `cloud/${name}`, `agent-of-${name}`));
    const poll = () => Promise.all(agents.map((agent) => agent()));
    expect(new Set(await poll())).toEqual(new Set([BEFORE]));

    const promotion = async () => (await ci('GET', `/releases/${RELEASE}/promotion`)).body;
    const stageOf = async (name: string) =>
      (await promotion()).stages.find(({ stage }: { stage: string }) => stage === name);
    const until = (name: string, state: string) =>
      vi.waitFor(async () => expect(await stageOf(name)).toMatchObject({ state }), { timeout: 10_000 });
    const upgrade = (name: string) => manager('PUT', `/control-planes/${name}`, { version: RELEASE });
    const act = (api: typeof ci, verb: string, body: object) => api('POST', `/releases/${RELEASE}/${verb}`, body);

    // CI registers the release; canary waits for the control plane's artifacts, then starts by itself.
    const registration = {
      version: RELEASE,
      commit: COMMIT,
      cutAt: '2024-11-12T10:15:30Z',
      previous: BEFORE,
      changes: [
        { pr: 4711, title: 'Rework the session recorder', significant: true },
        { pr: 4712, title: 'Fix a typo', significant: false },
      ],
    };
    expect(await ci('POST', '/releases', registration)).toMatchObject({ status: 201 });
    expect(await stageOf('canary')).toMatchObject({ state: 'waiting', next: expect.stringContaining('are absent') });
    await act(ci, 'artifacts', { controlPlane: 'published' });
    await until('canary', 'awaiting-control-plane');
    await upgrade('canary');

    // Its packages are still being built, so the control plane goes on, and no channel moves.
    await until('canary', 'soaking');
    expect((await stageOf('canary')).agents).toMatchObject({ state: 'no-packages' });
    expect(await poll()).toEqual([BEFORE, BEFORE, BEFORE, BEFORE]);
    await act(ci, 'artifacts', { packages: 'published' });
    const agentsAre = (state: string) =>
      vi.waitFor(async () => expect((await stageOf('canary')).agents).toMatchObject({ state }), { timeout: 10_000 });
    await agentsAre('soaking');
    expect(await poll()).toEqual([RELEASE, BEFORE, BEFORE, BEFORE]);

    // Everything that must happen before internal, and does not count when the wrong person does it.
    const early = await act(manager, 'promote', { reason: 'impatient' });
    expect(early).toMatchObject({ status: 409, body: { code: 'refused' } });
    wait(HOUR);
    await until('canary', 'complete');
    await agentsAre('complete');
    const unsigned = await act(manager, 'promote', { stage: 'internal', reason: 'soaked' });
    expect(unsigned).toMatchObject({ status: 409, body: { detail: expect.stringContaining('not signed off: 4711') } });
    expect(unsigned.body.gates.filter(({ passed }: { passed: boolean }) => !passed)).toEqual([
      { gate: 'signed_off', passed: false, reason: 'not signed off: 4711' },
      { gate: 'approved', passed: false, reason: expect.stringContaining('other than token release-manager') },
    ]);
    expect(await label(server, 'labeled', 4711, 'delivery-1')).toEqual({ status: 200, body: { releases: [RELEASE] } });
    const self = await act(ci, 'approve', { stage: 'internal', reason: 'mine is good' });
    expect(self).toMatchObject({ status: 403, body: { detail: expect.stringContaining('someone else must approve') } });
    expect(await act(manager, 'approve', { stage: 'internal', reason: 'tested' })).toMatchObject({ status: 200 });
    expect(await act(manager, 'promote', { stage: 'internal', reason: 'tested' })).toMatchObject({ status: 200 });

    // A control plane that is behind holds its agents back.
    await until('internal', 'awaiting-control-plane');
    expect((await stageOf('internal')).next).toContain(`internal reports ${BEFORE}`);
    expect(await poll()).toEqual([RELEASE, BEFORE, BEFORE, BEFORE]);
    await upgrade('internal');
    await until('internal', 'soaking');
    expect(await poll()).toEqual([RELEASE, RELEASE, BEFORE, BEFORE]);

    // A halt stays, however much time passes; after it the soak starts again.
    await act(ci, 'halt', { reason: 'error rate is up' });
    wait(2 * HOUR);
    expect(await stageOf('internal')).toMatchObject({ state: 'halted', halted: { reason: 'error rate is up' } });
    await act(ci, 'resume', { reason: 'it was the load balancer' });
    expect(await stageOf('internal')).toMatchObject({ state: 'soaking' });
    wait(HOUR);
    await until('internal', 'complete');

    for (const [index, name] of ['trials', 'team-enterprise'].entries()) {
      await act(manager, 'approve', { stage: name, reason: 'metrics are fine' });
      await upgrade(name);
      await act(manager, 'promote', { stage: name, reason: 'metrics are fine', critical: name === 'trials' });
      await until(name, 'soaking');
      expect((await poll()).filter((version) => version === RELEASE)).toHaveLength(3 + index);
      wait(HOUR);
      await until(name, 'complete');
    }
    expect(await (await fetch(`${server.publicUrl}/v1/cloud/trials/critical`)).text()).toBe('yes');
    expect(await promotion()).toMatchObject({ stage: null, next: 'nothing: all stages are complete' });

    // The release turns out to be bad: every channel goes back in one commit, pinned or not, agents and tools too.
    await manager('POST', '/channels/cloud%2Ftrials/pin', { reason: 'a demo' });
    const pulled = await act(ci, 'pull', { reason: 'it leaks sessions', critical: true });
    expect(pulled).toMatchObject({ status: 200, body: { release: { pulled: { reason: 'it leaks sessions' } } } });
    expect(pulled.body.channels.map(({ to }: { to: string }) => to)).toEqual([BEFORE, BEFORE, BEFORE, BEFORE]);
    expect(new Set(await poll())).toEqual(new Set([BEFORE]));
    const channels = (await manager('GET', '/channels')).body.channels;
    expect(new Set(channels.map(({ revision }: { revision: number }) => revision)).size).toBe(1);
    const tools = await fetch(`${server.publicUrl}/v1/cloud/canary/tools/version`);
    expect(await tools.text()).toBe(`v${BEFORE}`);
    const again = await manager('POST', '/channels/cloud%2Fcanary/roll-forward', { version: RELEASE, reason: 'again' });
    expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining('it leaks sessions') } });

    // The log has the automatic steps, each once and in order.
    const { entries } = (await manager('GET', '/audit?limit=500')).body;
    const taken = entries
      .filter((entry: AuditEntry) => entry.actor === 'system:promotion' && entry.subject === `promotion/${RELEASE}`)
      .map(({ action, after }: AuditEntry) => {
        const { stage, half } = after as { stage: string; half?: string };
        return `${half ? `${half} of ` : ''}${stage} ${action}`;
      })
      .reverse();
    const steps = ['control-planes-ready', 'channels-serve', 'soaked'];
    const others = STAGES.slice(1).flatMap((stage) => steps.map((step) => `${stage} ${step}`));
    const isOfAgents = (step: string) => step.startsWith('agents of ');
    const canary = ['canary start', 'canary agents-wait', 'canary soaked'];
    expect(taken.filter((step: string) => !isOfAgents(step))).toEqual([...canary, ...others]);
    expect(taken.filter(isOfAgents)).toEqual(['start', ...steps].map((step) => `agents of canary ${step}`));
  }, 60_000);

  it('knows the real history', async () => {
    const { ci } = await startCloud();
    const { body } = await ci('POST', '/releases/import', HISTORY);
    expect(body).toMatchObject({ received: 307, imported: 305, skipped: [{ version: '2.3' }, { version: '1.2' }] });
    expect((await ci('GET', '/releases/support')).body).toMatchObject({ latest: 16, oldest: 14 });
    expect((await ci('GET', '/releases/16.4.7/tags')).body).toEqual({
      create: ['16.4.7'],
      move: [{ tag: '16', from: '16.4.6', to: '16.4.7' }],
    });
    const plan = await ci('GET', '/releases/backport-plan?urgency=security');
    expect(plan.body.releases.map(({ version }: { version: string }) => version)).toEqual([
      '16.4.8',
      '15.4.11',
      '14.3.22',
    ]);
    const late = await ci('POST', '/releases', { version: '15.4.23', commit: COMMIT, cutAt: '2024-11-12T10:30:00Z' });
    expect(late.status).toBe(201);
    expect((await ci('GET', '/releases/15.4.23/tags')).body.move).toEqual([
      { tag: '15', from: '15.4.10', to: '15.4.23' },
    ]);
    const newest = await ci('GET', '/releases?order=time&limit=1');
    expect(newest.body.releases[0].version).toBe('15.4.23');
  });
});
