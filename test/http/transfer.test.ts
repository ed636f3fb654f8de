import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { merge } from '../../src/config/raw.ts';
import { instance } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, type Reply, startServer } from '../support/server.ts';
import { expectProblem, sharedServer, stateOf } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const YAML = { 'Content-Type': 'application/yaml' };

async function started() {
  const server = await startServer(merge(QUICKSTART, { bootstrap: { releases: 'config/samples/releases.json' } }));
  return { server, api: operatorClient(server) };
}

/** A server with documents of every kind. */
async function lived() {
  const context = await started();
  const { api } = context;
  const edge = { target: '16.5.0-dev.1', accepts: ['dev'], versionPrefix: '', description: 'Nightly: yes' };
  const steps: [method: string, path: string, body: object][] = [
    ['POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'up' }],
    ['POST', `${CHANNEL}/pin`, { reason: 'incident 12', until: '2099-01-01T00:00:00.000Z' }],
    ['POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE-2024-1: "quoted"' }],
    ['PUT', '/channels/edge', edge],
    ['PUT', '/channels/gone', { target: '16.4.3' }],
    ['POST', '/channels/gone/withdraw', { reason: 'over' }],
    ['PUT', '/channels/empty', {}],
    ['PUT', '/control-planes/other', { version: '15.4.10' }],
  ];
  for (const [method, path, body] of steps) expect((await api(method, path, body)).status).toBeLessThan(300);
  return context;
}

const apply = (api: (...args: [string, string, unknown]) => Promise<Reply>, document: object, query = '') =>
  api('POST', `/apply${query}`, { fairway: 1, ...document });

describe('the exported state', () => {
  it('names the entry of the audit log that made it', async () => {
    const { api } = await started();
    const { body: log } = await api('GET', '/audit?limit=1');
    const [{ id, hash }] = log.entries;
    for (const accept of ['application/json', 'application/yaml']) {
      const { headers } = await api('GET', '/export', undefined, { Accept: accept });
      expect(headers.get('fairway-audit-head')).toBe(`${id}:${hash}`);
    }
    expect((await api('GET', `/audit/verify?head=${id}:${hash}`)).body.intact).toBe(true);
  });

  it('is the same in JSON and, if requested, in YAML', async () => {
    const { api } = await lived();
    const json = await api('GET', '/export');
    expect(json.headers.get('content-type')).toMatch(/^application\/json/);
    expect(json.body).toMatchObject({
      fairway: 1,
      channels: [
        { name: 'edge', target: '16.5.0-dev.1', versionPrefix: '' },
        { name: 'empty', target: null },
        { name: 'gone', target: null, lineage: ['16.4.3'] },
        { name: 'stable/cloud', target: '16.4.7', pin: { reason: 'incident 12' }, lineage: ['16.4.6', '16.4.7'] },
      ],
      controlPlanes: [
        { name: 'main', version: '16.4.7' },
        { name: 'other', version: '15.4.10' },
      ],
    });
    expect(json.body.releases.length).toBeGreaterThan(10);
    for (const accept of ['application/yaml', 'text/yaml', 'application/x-yaml']) {
      const yaml = await api('GET', '/export', undefined, { Accept: accept });
      expect(yaml).toMatchObject({ status: 200 });
      expect(yaml.headers.get('content-type')).toMatch(/^application\/yaml/);
      expect(parse(yaml.body)).toEqual(json.body);
    }
  });

  it.each(['JSON', 'YAML'])('makes an empty server equal, as %s', async (form) => {
    const { api } = await lived();
    const { body: exported } = await api('GET', '/export');
    const { body: text } = await api('GET', '/export', undefined, { Accept: 'application/yaml' });
    const empty = await startServer();
    const other = operatorClient(empty);
    const { status, body } =
      form === 'JSON' ? await other('POST', '/apply', exported) : await other('POST', '/apply', text, YAML);
    expect(status).toBe(200);
    expect(body.total).toBe(4 + 2 + exported.releases.length);
    expect((await other('GET', '/export')).body).toEqual(exported);
    expect(await ask(empty.publicUrl, '/v1/stable/cloud/version')).toMatchObject({ status: 200, body: 'v16.4.7' });
    expect(await ask(empty.publicUrl, '/v1/stable/cloud/critical')).toMatchObject({ body: 'yes' });
    expect(await ask(empty.publicUrl, '/v1/edge/version')).toMatchObject({ body: '16.5.0-dev.1' });
    expect(await ask(empty.publicUrl, '/v1/gone/version')).toMatchObject({ body: 'none' });
    const again = await other('POST', '/apply', exported);
    expect(again).toMatchObject({ status: 200, body: { changes: [], audit: null } });
  });
});

describe('apply', () => {
  it('makes a new target critical only if the document says so', async () => {
    const { api } = await started();
    const critical = { critical: true, reason: 'CVE-2024-1' };
    expect(await api('POST', '/channels/stable%2Fcloud/critical', critical)).toMatchObject({ status: 200 });
    expect(await apply(api, { channels: [{ name: 'stable/cloud', target: '16.4.7' }] })).toMatchObject({ status: 200 });
    expect((await api('GET', '/channels/stable%2Fcloud')).body).toMatchObject({ target: '16.4.7', critical: null });
  });

  it('shows the differences on a dry run, and applies them in one change', async () => {
    const { server, api } = await started();
    const document = {
      channels: [
        { name: 'stable/cloud', target: 'v16.4.7', description: 'new' },
        { name: 'staging', target: '16.4.7', controlPlane: 'main' },
      ],
      controlPlanes: [
        { name: 'main', version: '16.4.7' },
        { name: 'second', version: 'v16.4.7' },
      ],
    };
    const before = await stateOf(server);
    const dry = await apply(api, document, '?dryRun=true');
    expect(dry).toMatchObject({ status: 200, body: { audit: null } });
    const changes = dry.body.changes.map(({ key, change }: { key: string; change: string }) => [change, key]);
    expect(changes.sort()).toEqual([
      ['create', 'channel/staging'],
      ['create', 'control-plane/second'],
      ['update', 'channel/stable/cloud'],
    ]);
    const update = dry.body.changes.find(({ change }: { change: string }) => change === 'update');
    expect(update).toMatchObject({
      before: { target: '16.4.6', description: '' },
      after: { target: '16.4.7', description: 'new', lineage: ['16.4.6', '16.4.7'], controlPlane: 'main' },
    });
    expect(await stateOf(server)).toEqual(before);
    const { status, body } = await apply(api, document);
    expect(status).toBe(200);
    expect(body.changes.map(({ key }: { key: string }) => key)).toEqual(
      dry.body.changes.map(({ key }: { key: string }) => key),
    );
    expect(body.audit).toMatchObject({ action: 'apply', actor: 'token:admin' });
    expect((await api('GET', '/audit?limit=1')).body.entries).toEqual([body.audit]);
    expect((await ask(server.publicUrl, '/v1/staging/version')).body).toBe('v16.4.7');
    expect((await api('GET', `${CHANNEL}/history?limit=1`)).body.entries[0].action).toBe('apply');
  });

  it('does not change what the document omits', async () => {
    const { server, api } = await lived();
    const before = await stateOf(server);
    expect(await apply(api, {})).toMatchObject({ status: 200, body: { changes: [], audit: null } });
    expect(await apply(api, { channels: [{ name: 'stable/cloud' }] })).toMatchObject({ body: { changes: [] } });
    expect(await stateOf(server)).toEqual(before);
  });

  it('refuses a target that strands agents, and changes nothing', async () => {
    const { server, api } = await started();
    await api('POST', '/inventory?channel=stable%2Fcloud', [instance(0, '16.4.7', 'cluster'), instance(1, '15.4.9')]);
    const before = await stateOf(server);
    const document = {
      channels: [
        { name: 'new', target: '16.4.7' },
        { name: 'stable/cloud', target: '17.0.0' },
      ],
    };
    for (const query of ['?dryRun=true', '']) {
      const reply = await apply(api, document, query);
      const { report } = expectProblem(reply, 409, 'refused', /stable\/cloud/);
      expect(report).toMatchObject({ stranded: 1, oldest: { version: '15.4.9' } });
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it('takes a channel back although the present target strands agents, as a roll-back does', async () => {
    const { api } = await started();
    const instances = [instance(0, '16.4.6', 'cluster'), instance(1, '15.4.9')];
    await api('PUT', '/control-planes/main', { version: '17.0.0' });
    await api('POST', '/inventory?channel=stable%2Fcloud', instances);
    await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.0', reason: 'up', acceptStranding: 1 });
    const stray = [instance(1, 'unknown'), instance(2, '14.3.3')];
    await api('POST', '/inventory?channel=stable%2Fcloud', [instance(0, '16.4.6', 'cluster'), ...stray]);
    const at = (target: string) => ({ channels: [{ name: 'stable/cloud', target }] });
    expectProblem(await apply(api, at('17.0.1')), 409, 'refused', /stable\/cloud/);
    expect(await apply(api, at('16.4.6'))).toMatchObject({ status: 200 });
    expect((await api('GET', CHANNEL)).body.target).toBe('16.4.6');
    expectProblem(await apply(api, at('17.0.0')), 409, 'refused', /stable\/cloud/);
  });

  it('refuses to take a channel back where that strands other agents', async () => {
    const { api } = await started();
    await api('PUT', '/control-planes/main', { version: '17.0.0' });
    await api('POST', '/inventory?channel=stable%2Fcloud', [instance(0, '16.4.6', 'cluster'), instance(1, '16.4.7')]);
    await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.0', reason: 'up' });
    await api('POST', '/inventory?channel=stable%2Fcloud', [instance(0, '16.4.6', 'cluster'), instance(1, '17.0.0')]);
    const reply = await apply(api, { channels: [{ name: 'stable/cloud', target: '16.4.6' }] });
    expectProblem(reply, 409, 'refused', /1 agent at 17.0.0 would go back a major/);
  });

  it('refuses to move a pinned channel, and to withdraw it', async () => {
    const { server, api } = await lived();
    const before = await stateOf(server);
    for (const target of ['16.4.8', '16.4.6', null]) {
      const reply = await apply(api, { channels: [{ name: 'stable/cloud', target }] });
      expectProblem(reply, 409, 'channel_pinned', /incident 12/);
    }
    expect(await stateOf(server)).toEqual(before);
    const released = await apply(api, { channels: [{ name: 'stable/cloud', pin: null }] });
    expect(released).toMatchObject({ status: 200 });
    expect(await apply(api, { channels: [{ name: 'stable/cloud', target: '16.4.8' }] })).toMatchObject({ status: 200 });
  });

  it('withdraws a channel whose target is null', async () => {
    const { server, api } = await started();
    expect(await apply(api, { channels: [{ name: 'stable/cloud', target: null }] })).toMatchObject({ status: 200 });
    expect((await ask(server.publicUrl, '/v1/version')).body).toBe('none');
  });

  it('checks a target against the releases and control planes of the document', async () => {
    const { server, api } = await started();
    const release = { version: '16.4.7' };
    const pulled = { reason: 'it loses data', by: 'token:admin', at: '2024-11-12T00:00:00Z' };
    const channels = [{ name: 'stable/cloud', target: '16.4.7' }];
    const before = await stateOf(server);
    const bad = await apply(api, { channels, releases: [{ ...release, pulled }] });
    expectProblem(bad, 409, 'refused', /it loses data/);
    const behind = await apply(api, { channels, controlPlanes: [{ name: 'main', version: '18.0.0' }] });
    expectProblem(behind, 409, 'refused', /18\.0\.0/);
    expect(await stateOf(server)).toEqual(before);
    const up = await apply(api, {
      channels: [{ name: 'stable/cloud', target: '17.0.1' }],
      controlPlanes: [{ name: 'main', version: '17.0.1' }],
    });
    expect(up.status).toBe(200);
  });

  it('leaves a release pulled that an older document has as good, and does not serve it', async () => {
    const { api } = await started();
    const { body: backup } = await api('GET', '/export');
    expect((await api('POST', '/releases/16.4.7/pull', { reason: 'it loses data' })).status).toBe(200);
    expect(await apply(api, backup)).toMatchObject({ status: 200, body: { changes: [] } });
    expect((await api('GET', '/releases/16.4.7')).body.pulled).toMatchObject({ reason: 'it loses data' });
    const releases = [{ version: '16.4.7', pulled: null }];
    const move = await apply(api, { releases, channels: [{ name: 'stable/cloud', target: '16.4.7' }] });
    expectProblem(move, 409, 'refused', /it loses data/);
  });

  it('does not make a release a secret again whose embargo was lifted', async () => {
    const { api } = await started();
    const release = { version: '16.4.8', commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z', embargoed: true };
    expect((await api('POST', '/releases', release)).status).toBe(201);
    const { body: backup } = await api('GET', '/export');
    expect((await api('POST', '/releases/16.4.8/lift-embargo', { reason: 'announced' })).status).toBe(200);
    expect(await apply(api, backup)).toMatchObject({ status: 200, body: { changes: [] } });
    expect((await api('GET', '/releases/16.4.8')).body.embargoed).toBe(false);
  });

  it('checks a target against the settings of the document', async () => {
    const { api } = await started();
    const channel = { name: 'stable/cloud', target: '16.5.0-rc.1' };
    expectProblem(await apply(api, { channels: [channel] }), 409, 'refused', /rc/);
    expect(await apply(api, { channels: [{ ...channel, accepts: ['rc'] }] })).toMatchObject({ status: 200 });
  });

  it('stores every version in its canonical form, without v', async () => {
    const { api } = await started();
    const release = { pulled: null };
    await apply(api, {
      releases: [{ ...release, version: 'v16.9.0' }],
      controlPlanes: [{ name: 'v', version: 'v16.9.0' }],
      channels: [
        {
          name: 'v',
          target: 'v16.9.0',
          lineage: ['v16.8.0', 'v16.9.0'],
          served: [{ version: 'v16.8.0', until: '2024-11-12T00:00:00Z' }],
        },
      ],
    });
    const { body } = await api('GET', '/export');
    expect(JSON.stringify(body)).not.toMatch(/"v\d/);
    expect(await api('POST', '/channels/v/roll-back', { reason: 'test' })).toMatchObject({
      status: 200,
      body: { channel: { target: '16.8.0' } },
    });
  });

  describe('refuses', () => {
    const shared = sharedServer(QUICKSTART);
    const refusing = () => ({ server: shared(), api: operatorClient(shared()) });
    const channel = (change: object) => ({ fairway: 1, channels: [{ name: 'x', ...change }] });
    const mark = { reason: 'x', by: 'token:x', at: '2024-11-12T00:00:00Z', until: null };
    const built = (at: string) => ({ state: 'published', at });
    const BUILT = { controlPlane: built('2024-11-12'), packages: built('2024-11-13') };
    const change = (signedOff: object) => ({ pr: 1, title: 'x', significant: true, signedOff });

    it.each<[what: string, document: unknown, detail: RegExp]>([
      ['an unknown field', { fairway: 1, chanels: [] }, /chanels/],
      ['an unknown field of a channel', channel({ taget: '16.4.7' }), /taget/],
      ['an unknown field of a pin', channel({ target: '16.4.7', pin: { ...mark, forever: true } }), /forever/],
      [
        'an unknown field of a control plane',
        { fairway: 1, controlPlanes: [{ name: 'x', version: '1.0.0', a: 1 }] },
        /a/,
      ],
      ['an unknown field of a release', { fairway: 1, releases: [{ version: '1.0.0', good: true }] }, /good/],
      ['a document of another form', { fairway: 2 }, /fairway/],
      ['a document without its form', { channels: [] }, /fairway/],
      ['no document', null, /object/],
      ['a list', [], /object/],
      ['a wrong name', { fairway: 1, channels: [{ name: 'X' }] }, /a-z/],
      ['no name', { fairway: 1, channels: [{}] }, /name/],
      ['a wrong version', channel({ target: '16.4' }), /X\.Y\.Z/],
      ['a wrong version in the lineage', channel({ target: '16.4.7', lineage: ['x'] }), /X\.Y\.Z/],
      ['a way that goes down', channel({ target: '16.4.7', lineage: ['17.0.0', '16.4.7'] }), /lineage of x .*ascend/],
      ['a way that ends elsewhere', channel({ target: '16.4.7', lineage: ['16.4.6'] }), /end with its target 16\.4\.7/],
      ['a way that ends nowhere', channel({ target: '16.4.7', lineage: [] }), /end with its target 16\.4\.7/],
      ['a way down without a target', channel({ lineage: ['16.4.7', '16.4.6'] }), /lineage of x .*ascend/],
      ['a wrong end of a pin', channel({ target: '16.4.7', pin: { ...mark, until: 'soon' } }), /until/],
      ['a wrong end of a critical mark', channel({ target: '16.4.7', critical: { ...mark, until: '12' } }), /until/],
      ...(
        [
          ['the time of its cut', { cutAt: 'lately' }, /cutAt.*2026-11-22/],
          ['the release before it', { previous: 'the last' }, /previous.*X\.Y\.Z/],
          ['the time of an artifact', { artifacts: { ...BUILT, helm: { state: 'absent', at: 'x' } } }, /helm\.at/],
          ['the time of its pull', { pulled: { reason: 'x', by: 'token:x', at: '12' } }, /pulled\.at/],
          ['the time of its registration', { registered: { by: 'token:x', at: '', digest: '' } }, /registered\.at/],
          ['the time of a sign-off', { changes: [change({ by: 'token:x', at: 'x' })] }, /signedOff\.at/],
        ] satisfies [string, object, RegExp][]
      ).map(([what, release, detail]): [string, unknown, RegExp] => [
        `a release with nonsense for ${what}`,
        { fairway: 1, releases: [{ version: '16.4.7', ...release }] },
        detail,
      ]),
      ['a reason without end', channel({ target: '16.4.7', pin: { ...mark, reason: 'x'.repeat(1001) } }), /reason/],
      ['a channel twice', { fairway: 1, channels: [{ name: 'x' }, { name: 'x', target: '16.4.7' }] }, /x.*twice/],
      [
        'a control plane twice',
        {
          fairway: 1,
          controlPlanes: [
            { name: 'x', version: '1.0.0' },
            { name: 'x', version: '2.0.0' },
          ],
        },
        /x.*twice/,
      ],
    ])('%s', async (_, document, detail) => {
      const { server, api } = refusing();
      const before = await stateOf(server);
      expectProblem(await api('POST', '/apply', JSON.stringify(document)), 422, 'invalid', detail);
      expectProblem(await api('POST', '/apply', stringify(document), YAML), 422, 'invalid', detail);
      expect(await stateOf(server)).toEqual(before);
    });

    it.each([
      ['JSON that is none', '{"fairway":', { 'Content-Type': 'application/json' }, /JSON/],
      ['nothing, as JSON', '', { 'Content-Type': 'application/json' }, /JSON/],
      ['invalid YAML', 'fairway: 1\n  channels: [', YAML, /at line \d/],
      ['YAML with a key twice', 'fairway: 1\nfairway: 1', YAML, /line 2/],
      ['YAML with an alias', 'fairway: 1\nchannels: &a []\nreleases: *a', YAML, /aliases.*write their values out/],
      ['YAML with an unknown tag', 'fairway: !!js/function 1', YAML, /tag.*line 1/],
      ['two YAML documents', 'fairway: 1\n---\nfairway: 1', YAML, /one document at a time/],
    ])('%s, saying why', async (_, text, headers, detail) => {
      const { server, api } = refusing();
      const before = await stateOf(server);
      expectProblem(await api('POST', '/apply', text, headers), 400, 'malformed', detail);
      expect(await stateOf(server)).toEqual(before);
    });

    it('a name that is listed twice among very many, in linear time', async () => {
      const { api } = refusing();
      const channels = Array.from({ length: 200_000 }, (_, i) => ({ name: `c${Math.min(i, 199_998)}` }));
      const reply = await api('POST', '/apply', { fairway: 1, channels });
      expectProblem(reply, 422, 'invalid', /c199998 is listed twice/);
    });

    it('a billion laughs', async () => {
      const { api } = refusing();
      const lines = Array.from(
        { length: 12 },
        (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
      );
      const reply = await api('POST', '/apply', `a0: &a0 lol\n${lines.join('\n')}\nfairway: 1`, YAML);
      expectProblem(reply, 400, 'malformed');
    });

    it('a document that is neither JSON nor YAML, or too large', async () => {
      const { api } = refusing();
      const text = { 'Content-Type': 'text/plain' };
      expectProblem(await api('POST', '/apply', 'fairway: 1', text), 415, 'unsupported_media_type', /YAML/);
      const large = `fairway: 1\n${'#'.repeat(4 * 1024 * 1024)}`;
      expectProblem(await api('POST', '/apply', large, YAML), 413, 'too_large', /4 MiB/);
    });
  });
});
