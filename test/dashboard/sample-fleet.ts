import { pino } from 'pino';
import { hashToken } from '../../src/config/settings.ts';
import { openStore } from '../../src/store/open.ts';
import { operatorClient, startServer, type TestServer, TOKENS, temporaryDirectory } from '../support/server.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const RELEASES = ['14.3.33', '15.4.7', '15.4.22', '16.4.3', '16.4.6', '16.4.7', '17.0.1'];

/** Enrolled agents and the auth server, as `tctl inventory ls --format=json` lists them. */
export function inventory(prefix: string, versions: Record<string, number>): object[] {
  const auth = {
    kind: 'instance',
    metadata: { name: `${prefix}-auth` },
    spec: { version: '16.4.7', services: ['Auth'] },
  };
  const agents = Object.entries(versions).flatMap(([version, count]) =>
    Array.from({ length: count }, (_, index) => {
      const name = `${prefix}-${version.replaceAll('.', '-')}-${String(index).padStart(4, '0')}`;
      const upgrader = { ext_upgrader: index % 3 === 0 ? 'kube' : 'unit', ext_upgrader_version: version };
      return { kind: 'instance', metadata: { name }, spec: { version, hostname: `${name}.example`, ...upgrader } };
    }),
  );
  return [auth, ...agents];
}

/** Records the points of a rollout that took half a day, as an earlier leader would have. */
export async function recordPast(dataDir: string, channel: string, agents: number): Promise<void> {
  const store = await openStore({ redis: null, dataDir, deadline: 5_000, log: pino({ level: 'silent' }) });
  const fence = (await store.acquireLease('the past', HOUR)) ?? 0;
  for (let back = 23 * HOUR; back > 0; back -= 15 * MINUTE) {
    const done = Math.max(0, 1 - back / (14 * HOUR)) ** 0.6;
    const atTarget = Math.round(0.826 * agents * done);
    const point = { at: Date.now() - back, agents, atTarget, behind: agents - atTarget, stranded: 0 };
    await store.savePoint(channel, point, fence);
  }
  await store.releaseLease('the past');
  await store.close();
}

/** A server with a fleet worth looking at: channels in all states, agents of several versions, a history. */
export async function startSampleFleet(): Promise<TestServer> {
  const names = { 'ops-1': 'operator', mara: 'admin' } as const;
  const people = Object.entries(names).map(([name, role]) => ({ name, role, sha256: hashToken(`${name}-token`) }));
  const roles = Object.entries(TOKENS).map(([role, token]) => ({ name: role, role, sha256: hashToken(token) }));
  // The events lie in the past, as in a real fleet.
  let back = 9 * DAY;
  const now = () => new Date(Date.now() - back);
  const dataDir = temporaryDirectory();
  await recordPast(dataDir, 'stable/cloud', 1_240);
  const server = await startServer(
    {
      dataDir,
      tokens: [...roles, ...people],
      bootstrap: {
        controlPlanes: { main: '16.4.7', edge: '17.0.1', partners: '15.4.22' },
        channels: [
          { name: 'stable/cloud', description: 'Agents of all tenants', target: '15.4.7', controlPlane: 'main' },
          { name: 'stable/internal', description: 'Our own machines', target: '16.4.6', controlPlane: 'main' },
          { name: 'edge', description: 'First to see a new major', target: '16.4.7', controlPlane: 'edge' },
          { name: 'lab', description: 'For trying things out' },
          { name: 'partners', description: 'Agents at our partners', target: '15.4.22', controlPlane: 'partners' },
          { name: 'stable/trials', description: 'Tenants on trial', target: '16.4.7', controlPlane: 'main' },
        ],
      },
    },
    { now },
  );
  const api = operatorClient(server);
  const act = async (channel: string, verb: string, body: object, token = 'ops-1-token') => {
    const headers = { Authorization: `Bearer ${token}` };
    const reply = await api('POST', `/channels/${encodeURIComponent(channel)}/${verb}`, body, headers);
    if (reply.status !== 200) throw new Error(`${verb} ${channel}: ${reply.body.detail}`);
  };
  back = 8 * DAY;
  const history = RELEASES.map((version) => ({ version, date: null, security: version === '16.4.6' }));
  await api('POST', '/releases/import', history);
  back = 14 * HOUR;
  await api(
    'POST',
    '/inventory?channel=stable%2Fcloud',
    inventory('tenant', { '15.4.7': 46, '15.4.22': 310, '16.4.3': 88 }),
  );
  await act('stable/cloud', 'roll-forward', {
    version: '16.4.6',
    reason: 'security release, change 4711',
    critical: true,
  });
  back = 2 * HOUR;
  const moved = inventory('tenant', { '15.4.7': 14, '15.4.22': 72, '16.4.3': 130, '16.4.6': 1024 });
  await api('POST', '/inventory?channel=stable%2Fcloud', moved);
  await api('POST', '/inventory?channel=stable%2Finternal', inventory('host', { '16.4.6': 212, '16.4.7': 3 }));
  await api('POST', '/inventory?channel=stable%2Ftrials', inventory('trial', { '16.4.7': 318 }));
  await api('POST', '/inventory?channel=partners', inventory('partner', { '13.4.26': 2, '14.3.33': 9, '15.4.22': 61 }));
  back = 40 * MINUTE;
  await act('stable/internal', 'pin', {
    reason: 'incident 12: agents on arm64 restart',
    until: '2100-01-01T18:00:00Z',
  });
  await api('POST', '/inventory?channel=edge', inventory('edge', { '15.4.22': 3, '16.4.7': 37 }));
  await act(
    'edge',
    'roll-forward',
    { version: '17.0.1', reason: 'first of the new major', acceptStranding: 3 },
    'mara-token',
  );
  back = 12 * MINUTE;
  await api('POST', '/inventory?channel=edge', inventory('edge', { '15.4.22': 3, '16.4.7': 11, '17.0.1': 26 }));
  back = 0;
  return server;
}
