import { describe, expect, it, vi } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { instance, inventory } from '../fixtures/inventory.ts';
import { scrape, valueIn } from '../support/scrape.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const IMPORT = '/inventory?channel=stable%2Fcloud';
/** Of made-up agents, without the cluster's own servers. */
const IMPORT_MADE_UP = `${IMPORT}&complete=true`;

async function started(overrides: Raw = {}) {
  const server = await startServer(merge(QUICKSTART, overrides));
  const poll = (path: string, init: RequestInit = {}) => fetch(`${server.publicUrl}${path}`, init);
  return { server, api: operatorClient(server), poll };
}

describe('metrics', () => {
  it('have no series of a deleted channel', async () => {
    const { server, api } = await started();
    await api('PUT', '/channels/short', { target: '16.4.6', controlPlane: 'main' });
    await api('POST', '/channels/short/roll-forward', { version: '16.4.7', reason: 'x' });
    expect(await valueIn(server, 'fairway_target_changes_total', { channel: 'short' })).toBe(1);
    expect((await api('DELETE', '/channels/short')).status).toBe(204);
    const { series } = await scrape(server);
    expect(series.filter(({ labels }) => labels.channel === 'short')).toEqual([]);
  });

  it('include every series after some traffic, each with its labels and its help', async () => {
    const { server, api, poll } = await started();
    await poll('/v1/version?host=a&agent_version=16.4.6&updater=x');
    await poll('/v1/version', { headers: { 'If-None-Match': '*' } });
    await api('POST', IMPORT, inventory());
    await api('PUT', '/control-planes/main', { version: '17.0.1' });
    await api('POST', '/releases/import', [{ version: '17.0.1', date: null, security: false }]);
    await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.1', reason: 'x' });
    const stranded = (await api('POST', `${CHANNEL}/check`, { version: '17.0.1' })).body.stranded;
    const accepted = { version: '17.0.1', reason: 'x', acceptStranding: stranded };
    expect(await api('POST', `${CHANNEL}/roll-forward`, accepted)).toMatchObject({ status: 200 });
    const { series, text, type } = await scrape(server);
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    const labels: Record<string, string[]> = {};
    for (const { name, labels: found } of series) {
      labels[name] = [...new Set([...(labels[name] ?? []), ...Object.keys(found)])].sort();
    }
    expect(labels).toEqual({
      fairway_answers_withheld: [],
      fairway_operator_connections_refused_total: [],
      fairway_polls_total: ['channel', 'code', 'endpoint'],
      fairway_channel_target_info: ['channel', 'critical', 'pinned', 'version'],
      fairway_channel_held: ['channel'],
      fairway_channel_agents: ['channel', 'version'],
      fairway_channel_oldest_agent_info: ['channel', 'version'],
      fairway_channel_converged_ratio: ['channel'],
      fairway_channel_agents_out_of_support: ['channel'],
      fairway_target_changes_total: ['channel', 'verb'],
      fairway_target_refusals_total: ['channel', 'reason'],
      fairway_stranding_accepted_total: ['channel'],
      fairway_poll_delay_seconds_bucket: ['le'],
      fairway_poll_delay_seconds_sum: [],
      fairway_poll_delay_seconds_count: [],
      fairway_checkins_total: [],
      fairway_checkins_rejected_total: ['reason'],
      fairway_checkins_dropped_total: [],
      fairway_checkins_refused_total: [],
      fairway_checkins_unenrolled_total: [],
      fairway_channel_unenrolled_agents: ['channel'],
      fairway_channel_stranded_agents: ['channel'],
      fairway_channel_cut_off_agents: ['channel'],
      fairway_channel_contested_agents: ['channel'],
      fairway_channel_reverted_agents: ['channel'],
      fairway_channel_unmanaged_agents: ['channel'],
      fairway_channel_expired_agents: ['channel'],
      fairway_census_complete: ['channel'],
      fairway_evidence_settling: ['channel', 'source'],
      fairway_evidence_failing: ['channel', 'source'],
      fairway_evidence_age_seconds: ['channel', 'source'],
      fairway_evidence_fresh: ['channel', 'source'],
      fairway_leader: [],
      fairway_bootstrap_refused: [],
      fairway_clock_offset_seconds: [],
      fairway_snapshot_age_seconds: [],
      fairway_snapshot_revision: [],
      fairway_store_lost_changes: [],
      fairway_store_replicated: [],
      fairway_store_up: [],
      fairway_store_writable: [],
      fairway_store_refused_changes_total: [],
      fairway_audit_head_info: ['hash', 'revision'],
      fairway_fast_lane_polls_total: [],
      fairway_fast_lane_handed_over_total: [],
      fairway_operator_request_duration_seconds_bucket: ['code', 'le', 'method', 'route'],
      fairway_operator_request_duration_seconds_sum: ['code', 'method', 'route'],
      fairway_operator_request_duration_seconds_count: ['code', 'method', 'route'],
      fairway_build_info: ['version'],
    });
    for (const name of new Set(Object.keys(labels).map((name) => name.replace(/_(bucket|sum|count)$/, '')))) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
      expect(text).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'));
    }
  });

  it('count polls by channel, endpoint and code', async () => {
    const { server, poll } = await started();
    const requests: [path: string, times: number, init?: RequestInit][] = [
      ['/v1/version', 3],
      ['/v1/stable/cloud/version', 2],
      ['/webapi/automaticupgrades/channel/stable/cloud/critical', 2],
      ['/v1/critical', 1, { headers: { 'If-None-Match': '"no"' } }],
      ['/webapi/find', 1, { method: 'HEAD' }],
      ['/v1/nobody/version', 4],
      ['/robots.txt', 1],
      ['/v1/version', 2, { method: 'POST' }],
    ];
    for (const [path, times, init] of requests) for (let i = 0; i < times; i++) await poll(path, init);
    const { series } = await scrape(server);
    const counted = series
      .filter(({ name, value }) => name === 'fairway_polls_total' && value > 0)
      .map(({ labels: { channel, endpoint, code }, value }) => [channel, endpoint, code, value]);
    expect(counted.sort()).toEqual(
      [
        ['stable/cloud', 'version', '200', 5],
        ['stable/cloud', 'critical', '200', 2],
        ['stable/cloud', 'critical', '304', 1],
        ['stable/cloud', 'find', '200', 1],
        ['unknown', 'unknown', '404', 5],
        ['unknown', 'unknown', '405', 2],
      ].sort(),
    );
  });

  it('take no label from a stranger', async () => {
    const { server, api, poll } = await started();
    const STRANGER = 'str4nger';
    const headers = {
      'Agent-Id': STRANGER,
      'Agent-Version': STRANGER,
      'Agent-Group': STRANGER,
      'User-Agent': STRANGER,
    };
    for (const path of [
      `/v1/${STRANGER}/version`,
      `/v1/version?group=${STRANGER}&host=${STRANGER}&agent_version=1.0.0-${STRANGER}x`,
      `/webapi/find?group=${STRANGER}`,
      `/${STRANGER}`,
    ]) {
      await poll(path, { headers });
    }
    await fetch(`${server.operatorUrl}/${STRANGER}`);
    await fetch(`${server.operatorUrl}/api/v1/${STRANGER}`, { headers: { Authorization: `Bearer ${STRANGER}` } });
    await fetch(`${server.operatorUrl}/api/v1/channels/${STRANGER}`);
    await api('GET', `/channels/${STRANGER}`);
    await api('POST', `/channels/${STRANGER}/withdraw`, { reason: STRANGER });
    await api('GET', `/agents/${STRANGER}/explain`);
    await api('GET', `/${STRANGER}`);
    expect((await scrape(server)).text).not.toContain(STRANGER);
  });

  it('show the target, whether it is critical, and whether it is pinned', async () => {
    const { server, api } = await started();
    const info = async () =>
      (await scrape(server)).series
        .filter(({ name }) => name === 'fairway_channel_target_info')
        .map(({ labels }) => labels);
    const channel = 'stable/cloud';
    expect(await info()).toEqual([{ channel, version: '16.4.6', critical: 'no', pinned: 'no' }]);
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'x' });
    await api('POST', `${CHANNEL}/pin`, { reason: 'x' });
    expect(await info()).toEqual([{ channel, version: '16.4.6', critical: 'yes', pinned: 'yes' }]);
    await api('POST', `${CHANNEL}/unpin`, { reason: 'x' });
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'x' });
    expect(await info()).toEqual([{ channel, version: 'none', critical: 'no', pinned: 'no' }]);
    await api('DELETE', CHANNEL);
    expect(await info()).toEqual([]);
  });

  it('show how long polls wait, including those that arrive during a stall', async () => {
    const { server } = await started();
    const [STALL, SLOW, SAMPLE_EVERY] = [1_000, 250, 97];
    const samples = async (le: string) => (await valueIn(server, 'fairway_poll_delay_seconds_bucket', { le })) ?? 0;
    const slow = async () => (await samples('+Inf')) - (await samples(String(SLOW / 1000)));
    await vi.waitFor(async () => expect(await samples('0.005')).toBeGreaterThan(0));
    const before = await slow();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL);
    // A poll at the start of the stall waited for all of it, and one at its end hardly at all.
    const waited = Math.floor((STALL - SLOW) / SAMPLE_EVERY) - 1;
    await vi.waitFor(async () => expect((await slow()) - before).toBeGreaterThanOrEqual(waited));
    expect(await valueIn(server, 'fairway_poll_delay_seconds_sum')).toBeGreaterThan((waited * SLOW) / 1000);
  });

  it('count changes of targets, and refusals by reason, without dry runs', async () => {
    const { server, api } = await started();
    const move = (version: string, dryRun = false) =>
      api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'x', dryRun });
    await move('16.4.7', true);
    await move('16.4.7');
    await move('16.5.0');
    await api('POST', `${CHANNEL}/roll-back`, { reason: 'x' });
    await api('POST', `${CHANNEL}/pin`, { reason: 'no move' });
    await api('POST', `${CHANNEL}/unpin`, { reason: 'no move' });
    await api('POST', `${CHANNEL}/pin`, { version: '16.4.6', reason: 'x' });
    await api('POST', `${CHANNEL}/unpin`, { reason: 'no move' });
    await move('18.0.0');
    await move('17.0.0-rc.1');
    await move('18.0.0', true);
    await api('POST', `${CHANNEL}/check`, { version: '18.0.0' });
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'x' });
    const { series } = await scrape(server);
    const of = (metric: string, label: string) =>
      Object.fromEntries(
        series.filter(({ name }) => name === metric).map(({ labels, value }) => [labels[label], value]),
      );
    expect(of('fairway_target_changes_total', 'verb')).toEqual({
      'roll-forward': 2,
      'roll-back': 1,
      pin: 1,
      withdraw: 1,
    });
    expect(of('fairway_target_refusals_total', 'reason')).toEqual({
      agent_too_old: 1,
      target_ahead_of_control_plane: 2,
      kind_not_accepted: 1,
    });
  });

  it('show the 20 most frequent versions of a channel, and the others together', async () => {
    const { server, api } = await started();
    const agents = Array.from({ length: 30 }, (_, i) => i).flatMap((i) =>
      Array.from({ length: 40 - i }, (_, j) => instance(i * 100 + j, `16.${i}.0`)),
    );
    await api('POST', IMPORT_MADE_UP, agents);
    const { series } = await scrape(server);
    const counts = series.filter(({ name }) => name === 'fairway_channel_agents');
    expect(counts).toHaveLength(21);
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(agents.length);
    expect(counts.find(({ labels }) => labels.version === 'other')?.value).toBe(10 * 15.5);
    expect(counts.some(({ labels }) => labels.version === '16.20.0')).toBe(false);
  });

  it('show the oldest agent and the share at the target, and drop versions that are gone', async () => {
    const { server, api } = await started();
    await api('POST', IMPORT, inventory());
    expect(await valueIn(server, 'fairway_channel_oldest_agent_info', { version: '15.4.7' })).toBe(1);
    expect(await valueIn(server, 'fairway_channel_converged_ratio')).toBeCloseTo(120 / 237);
    expect(await valueIn(server, 'fairway_channel_agents', { version: 'unreadable' })).toBe(1);
    const upgraded = inventory().map((each, index) => {
      return each.spec.services[0] === 'Node' ? instance(index, index % 2 === 0 ? '16.4.6' : '16.4.3') : each;
    });
    await api('POST', IMPORT, upgraded);
    const { series } = await scrape(server);
    expect(series.filter(({ name }) => name === 'fairway_channel_oldest_agent_info')).toMatchObject([
      { labels: { channel: 'stable/cloud', version: '16.4.3' }, value: 1 },
    ]);
    expect(series.filter(({ name }) => name === 'fairway_channel_agents')).toHaveLength(2);
    expect(await valueIn(server, 'fairway_channel_converged_ratio')).toBeCloseTo(0.5, 1);
  });

  it('show who is stranded, contested, reverted, unmanaged and expired, and what is in doubt', async () => {
    const { server, api } = await started();
    const own = { ...instance(99, '16.4.7', 'none'), spec: { version: '16.4.7', services: ['Auth'] } };
    const import_ = (versions: string[], more: object[] = []) =>
      api('POST', IMPORT, [own, ...more, ...versions.map((version, index) => instance(index, version))]);
    const unmanaged = instance(50, '13.3.5', 'none');
    const expired = { ...instance(51, '16.4.3'), metadata: { name: 'gone', expires: '2020-01-01T00:00:00Z' } };
    await import_(['16.4.6', '16.4.6', '14.3.2', ...Array<string>(20).fill('16.4.6')], [unmanaged, expired]);
    const read = (name: string) => valueIn(server, `fairway_${name}`, { channel: 'stable/cloud' });
    expect(await read('channel_stranded_agents')).toBe(1);
    expect(await read('channel_unmanaged_agents')).toBe(1);
    expect(await read('channel_expired_agents')).toBe(1);
    expect(await read('census_complete')).toBe(1);
    expect(await read('evidence_settling')).toBe(0);
    await import_(['16.4.3', '16.4.3']);
    expect(await read('channel_reverted_agents')).toBe(2);
    expect(await read('evidence_settling')).toBe(1);
    expect(await read('evidence_failing')).toBe(0);
    await import_(['16.4.6', '16.4.3']);
    expect(await read('channel_contested_agents')).toBe(1);
  });

  it('count the agents below the support window', async () => {
    const { server, api } = await started();
    await api('POST', IMPORT_MADE_UP, [instance(1, '16.4.6'), instance(2, '13.4.0'), instance(3, '12.0.0')]);
    expect((await scrape(server)).series.some(({ name }) => name === 'fairway_channel_agents_out_of_support')).toBe(
      false,
    );
    await api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
    expect(await valueIn(server, 'fairway_channel_agents_out_of_support')).toBe(2);
  });

  it('show the state of the store, the snapshot and the build', async () => {
    const { server, api } = await started();
    expect(await valueIn(server, 'fairway_store_up')).toBe(1);
    expect(await valueIn(server, 'fairway_snapshot_revision')).toBe(1);
    expect(await valueIn(server, 'fairway_build_info', { version: '0.0.0-test' })).toBe(1);
    await api('PUT', CHANNEL, { description: 'x' });
    expect(await valueIn(server, 'fairway_snapshot_revision')).toBe(2);
    expect(await valueIn(server, 'fairway_snapshot_age_seconds')).toBeLessThan(5);
  });

  it('are answered while the store is away and no state was ever loaded', async () => {
    const { server, poll } = await started({ redisUrl: 'redis://127.0.0.1:1' });
    await poll('/v1/version');
    expect(await valueIn(server, 'fairway_store_up')).toBe(0);
    expect(await valueIn(server, 'fairway_snapshot_revision')).toBe(0);
    expect(await valueIn(server, 'fairway_snapshot_age_seconds')).toBe(Number.POSITIVE_INFINITY);
    expect(await valueIn(server, 'fairway_polls_total', { code: '503' })).toBe(1);
  });

  it('time operator requests by route, not by path', async () => {
    const { server, api } = await started();
    await api('GET', CHANNEL);
    await api('GET', '/channels/other');
    await vi.waitFor(async () => {
      const { series } = await scrape(server);
      const requests = series
        .filter(({ name }) => name === 'fairway_operator_request_duration_seconds_count')
        .map(({ labels: { route, method, code }, value }) => [route, method, code, value]);
      expect(requests).toEqual(
        expect.arrayContaining([
          ['/api/v1/channels/:channel', 'GET', '200', 1],
          ['/api/v1/channels/:channel', 'GET', '404', 1],
        ]),
      );
    });
  });
});
