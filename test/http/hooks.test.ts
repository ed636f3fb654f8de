import { sign } from '@octokit/webhooks-methods';
import { describe, expect, it } from 'vitest';
import { operatorClient, startServer } from '../support/server.ts';

const SECRET = 'a-secret-shared-with-github';
const CLOUD = '17.0.0-cloud.20241112T101530.f00dfac';

interface Delivery {
  action?: string;
  label?: string;
  pr?: number;
  event?: string;
  delivery?: string | null;
  repository?: string;
  at?: string;
  secret?: string | null;
  body?: string;
}

async function started(github: object = {}) {
  const server = await startServer({
    github: { webhookSecret: SECRET, repository: 'gravitational/teleport', ...github },
  });
  const api = operatorClient(server, 'release-manager');
  await api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
  const register = () =>
    api('POST', '/releases', {
      version: CLOUD,
      commit: 'f00dfacade',
      cutAt: '2024-11-12T10:15:30Z',
      changes: [{ pr: 7, title: 'A', significant: true }],
    });
  let count = 0;
  async function deliver({ secret = SECRET, event = 'pull_request', delivery = `d-${++count}`, ...given }: Delivery) {
    const payload = {
      action: given.action ?? 'labeled',
      label: { name: given.label ?? 'cloud/verified', color: 'fff' },
      pull_request: { number: given.pr ?? 7, updated_at: given.at ?? '2024-11-12T11:00:00Z', title: 'A' },
      repository: { full_name: given.repository ?? 'gravitational/teleport' },
      sender: { login: 'zmb3' },
    };
    const body = given.body ?? JSON.stringify(payload);
    const headers: Record<string, string> = { 'Content-Type': 'application/json', 'X-GitHub-Event': event };
    if (delivery) headers['X-GitHub-Delivery'] = delivery;
    if (secret) headers['X-Hub-Signature-256'] = await sign(secret, body);
    const response = await fetch(`${server.operatorUrl}/hooks/github`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  }
  const signedOff = async () => (await api('GET', `/releases/${CLOUD}`)).body.changes[0].signedOff;
  const revision = async () => (await api('GET', '/audit?limit=1')).body.entries[0]?.id ?? 0;
  return { server, api, register, deliver, signedOff, revision };
}

describe('a label on GitHub', () => {
  it('signs off a change, and withdraws the sign-off', async () => {
    const { register, deliver, signedOff } = await started();
    await register();
    expect(await deliver({})).toEqual({ status: 200, body: { releases: [CLOUD] } });
    expect(await signedOff()).toEqual({ by: 'github:zmb3', at: '2024-11-12T11:00:00Z' });
    expect(await deliver({ action: 'unlabeled', at: '2024-11-12T11:05:00Z' })).toMatchObject({ status: 200 });
    expect(await signedOff()).toBeNull();
  });

  it('counts for a release that is registered after it', async () => {
    const { register, deliver, signedOff } = await started();
    expect(await deliver({})).toEqual({ status: 200, body: { releases: [] } });
    await register();
    expect(await signedOff()).toMatchObject({ by: 'github:zmb3' });
  });

  it('does nothing when it is delivered again, even after a later label', async () => {
    const { register, deliver, signedOff, revision } = await started();
    await register();
    await deliver({ delivery: 'first' });
    const at = await revision();
    expect(await deliver({ delivery: 'first' })).toMatchObject({
      status: 200,
      body: { ignored: expect.stringContaining('already') },
    });
    expect(await revision()).toBe(at);
    await deliver({ action: 'unlabeled', at: '2024-11-12T11:05:00Z' });
    await deliver({ delivery: 'first' });
    expect(await deliver({ delivery: 'late', at: '2024-11-12T11:04:00Z' })).toMatchObject({
      body: { ignored: expect.stringContaining('later') },
    });
    expect(await signedOff()).toBeNull();
  });

  it('does nothing when a recorded body is sent again under another id', async () => {
    const { register, deliver, signedOff } = await started();
    await register();
    await deliver({ delivery: 'first' });
    await deliver({ action: 'unlabeled', at: '2024-11-12T11:00:00Z' });
    expect(await deliver({ delivery: 'forged' })).toMatchObject({
      body: { ignored: expect.stringContaining('already') },
    });
    expect(await signedOff()).toBeNull();
  });

  it('does not outlast later events with a time to come', async () => {
    const { register, deliver, signedOff } = await started();
    await register();
    await deliver({ at: '2199-01-01T00:00:00Z' });
    const { at } = await signedOff();
    expect(Date.parse(at)).toBeLessThanOrEqual(Date.now());
    const later = new Date(Date.parse(at) + 1).toISOString();
    expect(await deliver({ action: 'unlabeled', at: later })).toMatchObject({ body: { releases: [CLOUD] } });
    expect(await signedOff()).toBeNull();
  });

  it('counts once if several deliveries arrive at once', async () => {
    const { register, deliver, revision } = await started();
    await register();
    const before = await revision();
    await Promise.all(Array.from({ length: 5 }, () => deliver({ delivery: 'same' })));
    expect(await revision()).toBe(before + 1);
  });

  it.each<[what: string, delivery: Delivery, status: number]>([
    ['without a signature', { secret: null }, 401],
    ['signed with another secret', { secret: 'another-secret-of-somebody' }, 401],
    ['without a body', { body: ' ', secret: null }, 401],
    ['without an id', { delivery: null }, 400],
    ['that is not JSON', { body: 'payload=%7B%7D' }, 400],
    ['without a pull request', { body: '{"action":"labeled"}' }, 422],
    ['of another event', { event: 'push' }, 200],
    ['of another action', { action: 'opened' }, 200],
    ['of another label', { label: 'bug' }, 200],
    ['of another repository', { repository: 'somebody/fork' }, 200],
  ])('changes nothing in a delivery %s', async (_, delivery, status) => {
    const { register, deliver, signedOff, revision } = await started({ repository: 'gravitational/teleport' });
    await register();
    const before = await revision();
    expect((await deliver(delivery)).status).toBe(status);
    expect(await signedOff()).toBeNull();
    expect(await revision()).toBe(before);
  });

  it('is refused without a secret, and if it is larger than 1 MiB', async () => {
    const { deliver } = await started({ webhookSecret: null });
    expect(await deliver({})).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('FAIRWAY_GITHUB_WEBHOOK_SECRET') },
    });
    const open = await started();
    expect((await open.deliver({ body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
  });
});

describe('a sign-off by hand', () => {
  it('does the same, in the name of the caller', async () => {
    const { server, register, signedOff } = await started();
    await register();
    const operator = operatorClient(server, 'operator');
    const path = `/releases/${CLOUD}/changes/7/sign-off`;
    expect(await operator('POST', path, { reason: 'tested on staging' })).toMatchObject({ status: 200 });
    expect(await signedOff()).toMatchObject({ by: 'token:operator' });
    expect(await operator('POST', path, { signedOff: false })).toMatchObject({ status: 200 });
    expect(await signedOff()).toBeNull();
    expect(await operator('POST', `/releases/${CLOUD}/changes/8/sign-off`, {})).toMatchObject({ status: 404 });
    expect(await operatorClient(server, 'viewer')('POST', path, {})).toMatchObject({ status: 403 });
  });
});
