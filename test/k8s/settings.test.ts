import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IService } from 'kubernetes-models/v1/Service';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { inventory } from '../fixtures/inventory.ts';
import { runCli, signedIn } from '../support/cli.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';
import { find, type Manifest, podsOf, render, whyNoKustomize } from './manifests.ts';

const why = whyNoKustomize();
/** The content of the secret `fairway`. */
const SECRET: Record<string, string> = {
  'redis-url': 'redis://redis:6379',
  'admin-token': 'admin-token-of-the-manifests',
};
/** Possible values in production: behind sentinels there is a server at its usual port too. */
const REDIS_URLS = [
  'redis://redis:6379',
  'redis+sentinel://redis-1:26379,redis-2:26379,redis-3:26379/fairway',
  'rediss+cluster://redis-1:6379,redis-2:6379,redis-3:6379',
];

describe.skipIf(why).each(['base', 'overlays/production', 'overlays/evaluation'])('%s', (directory) => {
  const manifests = why ? [] : render(directory);
  const server = () => {
    const pod = find<IDeployment>(manifests, 'Deployment').spec?.template.spec;
    const container = pod?.containers[0];
    if (!pod || !container) throw new Error('nothing serves');
    return { pod, container };
  };
  const policies = () => manifests.filter(({ kind }) => kind === 'NetworkPolicy') as (Manifest & INetworkPolicy)[];

  it('puts settings that Fairway accepts where it looks for them', () => {
    const { container } = server();
    const mounts = Object.fromEntries(container.volumeMounts?.map(({ name, mountPath }) => [mountPath, name]) ?? []);
    expect(mounts).toEqual({ '/etc/fairway': 'config', '/data': 'data' });
    expect(container.env).toContainEqual({ name: 'FAIRWAY_CONFIG', value: '/etc/fairway/fairway.yaml' });
    expect(settingsOf(manifests).dataDir).toBe('/data');
  });

  it('has the ports of the settings', () => {
    const settings = settingsOf(manifests);
    const { container } = server();
    const ports = Object.fromEntries(container.ports?.map((port) => [port.name, port.containerPort]) ?? []);
    expect(ports).toEqual({ public: settings.public.port, operator: settings.operator.port });
    expect(settings.operator.host).toBe('0.0.0.0');
    const targets = (name: string) =>
      find<IService>(manifests, 'Service', name).spec?.ports?.map((each) => each.targetPort);
    expect(targets('fairway')).toEqual(['public']);
    expect(targets('fairway-operator')).toEqual(['operator']);
  });

  it('lets agents reach only the public port, and only the named clients reach the operator port', () => {
    const { spec } = find<INetworkPolicy>(manifests, 'NetworkPolicy', 'fairway');
    const [agents, operators, ...others] = spec?.ingress ?? [];
    expect(others).toEqual([]);
    expect(agents).toEqual({ ports: [{ port: 'public' }] });
    expect(operators?.ports).toEqual([{ port: 'operator' }]);
    expect(operators?.from).toHaveLength(2);
    for (const { podSelector } of operators?.from ?? []) expect(podSelector?.matchLabels).not.toEqual({});
  });

  it('lets the server reach DNS, Redis and the peers of the settings, and nothing else', () => {
    const { sources, promotion, tracing } = settingsOf(manifests);
    const others = [promotion.prometheus.url, tracing.endpoint].filter((url) => url !== null);
    const peers = [...Object.values(sources.metrics).flat(), ...Object.values(sources.controlPlanes).flat(), ...others];
    const rules = policies()
      .filter(({ spec }) => spec?.podSelector.matchLabels?.['app.kubernetes.io/name'] === 'fairway')
      .flatMap(({ spec }) => spec?.egress ?? []);
    for (const { to = [], ports = [] } of rules) expect([to.length > 0, ports.length > 0]).toEqual([true, true]);
    const open = new Set(rules.flatMap(({ ports = [] }) => ports.map(({ port }) => Number(port))));
    const redis = directory === 'overlays/production' ? REDIS_URLS : [SECRET['redis-url']];
    const redisPorts = redis.flatMap((url) => [...(url ?? '').matchAll(/:(\d+)/g)].map(([, port]) => Number(port)));
    expect(open).toEqual(new Set([53, ...redisPorts, ...peers.map(portOf)]));
  });

  it('gives a stopping server the time that it may take', () => {
    const { shutdown } = settingsOf(manifests);
    const { pod, container } = server();
    const preStop = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
    expect(preStop).toBeGreaterThan(0);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(preStop + (shutdown.drain + shutdown.deadline) / 1000);
  });
});

describe.skipIf(why)('overlays/production', () => {
  it('counts only check-ins with a token, and drains before it stops', () => {
    const { fleet, shutdown } = settingsOf(render('overlays/production'));
    expect(fleet.enrolment.mode).toBe('token');
    expect(shutdown.drain).toBeGreaterThan(0);
  });

  it.each(REDIS_URLS)('accepts the Redis at %s', (url) => {
    const settings = settingsOf(render('overlays/production'), { ...SECRET, 'redis-url': url });
    expect(settings.redisUrl).toBe(url);
  });
});

describe.skipIf(why)('overlays/evaluation', () => {
  const quickServer = () => {
    const { data } = find<IConfigMap>(render('overlays/evaluation'), 'ConfigMap');
    return startServer(parse(data?.['fairway.yaml'] ?? ''));
  };

  it('answers the first poll', async () => {
    const { publicUrl } = await quickServer();
    expect(await (await fetch(`${publicUrl}/v1/stable/cloud/version`)).text()).toBe('v16.4.6');
  });

  it('imports an inventory with the command of the job', async () => {
    const production = render('overlays/production');
    const [{ spec } = { spec: null }] = podsOf(production).filter(({ owner }) => owner === 'CronJob');
    const [{ command = [], env = [] } = {}] = spec?.containers ?? [];
    const url = new URL(env.find(({ name }) => name === 'FAIRWAY_URL')?.value ?? '');
    const service = find<IService>(production, 'Service', url.hostname);
    expect(service.spec?.ports?.map(({ port }) => String(port))).toEqual([url.port]);
    expect(env.map(({ name }) => name)).toEqual(['FAIRWAY_URL', 'FAIRWAY_TOKEN']);

    const server = await quickServer();
    const [node, program, ...args] = command;
    expect([node, program]).toEqual(['node', 'dist/cli.js']);
    const file = join(temporaryDirectory(), 'instances.json');
    writeFileSync(file, JSON.stringify(inventory()));
    const own = args.map((arg) => (arg === '/inventory/instances.json' ? file : arg));
    const { code, stderr } = await runCli(own, { env: signedIn(server, 'operator') });
    expect([code, stderr]).toEqual([0, '']);
    const { body } = await operatorClient(server)('GET', '/census?channel=stable%2Fcloud');
    expect(JSON.stringify(body)).toContain('15.4.7');
  });
});

const portOf = (address: string) => {
  const { port, protocol } = new URL(address);
  return Number(port || (protocol === 'https:' ? 443 : 80));
};

/** The settings that the manifests' server would read: image defaults, then the ConfigMap, then the environment. */
function settingsOf(manifests: Manifest[], secret = SECRET): Settings {
  const { data } = find<IConfigMap>(manifests, 'ConfigMap');
  const file = join(temporaryDirectory(), 'fairway.yaml');
  writeFileSync(file, data?.['fairway.yaml'] ?? '');
  const [container] = podsOf(manifests).find(({ owner }) => owner === 'Deployment')?.spec.containers ?? [];
  const env = container?.env?.map(({ name, value, valueFrom }) => [
    name,
    value ?? secret[valueFrom?.secretKeyRef?.key ?? ''],
  ]);
  // As in the image.
  const image = { FAIRWAY_DATA_DIR: '/data' };
  return loadSettings('config/default.yaml', { ...image, ...Object.fromEntries(env ?? []), FAIRWAY_CONFIG: file });
}
