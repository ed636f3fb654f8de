import { readFileSync } from 'node:fs';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IService } from 'kubernetes-models/v1/Service';
import { describe, expect, it } from 'vitest';
import { find, type Manifest, podsOf, render, selects, whyNoKustomize } from './manifests.ts';
import { findFaults, findUnknownFields } from './schema.ts';

const why = whyNoKustomize();
if (why) process.stderr.write(`the tests of the manifests are skipped: ${why}\n`);

const DIRECTORIES = ['base', 'overlays/production', 'overlays/evaluation'];
const rendered = new Map<string, Manifest[]>(why ? [] : DIRECTORIES.map((each) => [each, render(each)]));
const of = (directory: string) => rendered.get(directory) ?? [];

describe.skipIf(why)('every manifest', () => {
  it('has the types and required fields of its schema, and no unknown field', async () => {
    const all = [...rendered.values()].flat();
    expect(await findFaults(all)).toEqual([]);
    expect(findUnknownFields(all)).toEqual([]);
  });

  it('fails with a wrong type, a missing field or a misspelt one', async () => {
    const deployment = structuredClone(find<IDeployment & Manifest>(of('base'), 'Deployment'));
    const monitor = structuredClone(find<IServiceMonitor & Manifest>(of('overlays/production'), 'ServiceMonitor'));
    Object.assign(deployment.spec?.template.spec?.containers[0]?.resources ?? {}, { limit: { cpu: '1' } });
    Object.assign(monitor.spec.endpoints[0] ?? {}, { intervall: '15s' });
    expect(findUnknownFields([deployment, monitor])).toEqual([
      expect.stringContaining('\'"limit"\' does not exist'),
      expect.stringContaining('\'"intervall"\' does not exist'),
    ]);
    Object.assign(deployment.spec ?? {}, { replicas: 'three' });
    Object.assign(monitor.spec, { selector: undefined });
    expect(await findFaults([deployment, monitor])).toEqual([
      expect.stringContaining('replicas must be integer'),
      expect.stringContaining('required property selector'),
    ]);
  });
});

describe.skipIf(why).each(DIRECTORIES)('%s', (directory) => {
  const manifests = of(directory);
  const deployment = () => find<IDeployment>(manifests, 'Deployment');
  const named = <T>(kind: string) => manifests.filter((each) => each.kind === kind) as (Manifest & T)[];

  it('limits the resources and permissions of every container', () => {
    for (const { spec } of podsOf(manifests)) {
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
        expect(container, container.name).toMatchObject({
          resources: {
            requests: { cpu: expect.any(String), memory: expect.any(String) },
            limits: { cpu: expect.any(String), memory: expect.any(String) },
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        });
      }
    }
  });

  it('probes every container that serves', () => {
    // Containers of jobs are left out: they run to their end, within activeDeadlineSeconds.
    for (const { spec } of podsOf(manifests).filter(({ owner }) => owner !== 'CronJob')) {
      for (const { ports = [], ...probes } of spec.containers) {
        expect(probes.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'operator' });
        expect(probes.livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'public' });
        expect(probes.startupProbe?.httpGet).toEqual({ path: '/healthz', port: 'public' });
        expect(ports.map(({ name }) => name)).toEqual(['public', 'operator']);
      }
    }
  });

  it('runs the image of this version', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const images = podsOf(manifests).flatMap(({ spec }) => spec.containers.map(({ image }) => image));
    expect(new Set(images)).toEqual(new Set([`fairway:${version}`]));
  });

  it('selects only the pods that serve', () => {
    const serving = { 'app.kubernetes.io/name': 'fairway' };
    const pods = podsOf(manifests);
    const servingPods = pods.filter(({ owner }) => owner === 'Deployment');
    const selectors = [
      deployment().spec?.selector.matchLabels,
      ...named<IService>('Service').map(({ spec }) => spec?.selector),
      ...named<IPodDisruptionBudget>('PodDisruptionBudget').map(({ spec }) => spec?.selector?.matchLabels),
      ...(deployment().spec?.template.spec?.topologySpreadConstraints ?? []).map(
        (each) => each.labelSelector?.matchLabels,
      ),
    ];
    for (const selector of selectors) {
      expect(selector).toEqual(serving);
      expect(pods.filter(({ labels }) => selects(selector, labels))).toEqual(servingPods);
    }
    const policies = named<INetworkPolicy>('NetworkPolicy');
    for (const { labels } of pods) {
      expect(policies.some(({ spec }) => selects(spec?.podSelector.matchLabels, labels))).toBe(true);
    }
  });

  it('refers only to objects that exist', () => {
    const names = (kind: string) => named(kind).map(({ metadata }) => metadata.name);
    for (const { spec } of podsOf(manifests)) {
      expect(names('ServiceAccount')).toContain(spec.serviceAccountName);
      for (const { configMap, persistentVolumeClaim } of spec.volumes ?? []) {
        if (configMap) expect(names('ConfigMap')).toContain(configMap.name);
        if (persistentVolumeClaim) expect(names('PersistentVolumeClaim')).toContain(persistentVolumeClaim.claimName);
      }
    }
    for (const { spec } of named<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler')) {
      expect(spec?.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'fairway' });
    }
    for (const { spec } of named<IIngress>('Ingress')) {
      const hosts = spec?.tls?.flatMap((each) => each.hosts ?? []);
      for (const { host, http } of spec?.rules ?? []) {
        expect(hosts).toContain(host);
        expect(http?.paths.map(({ backend }) => backend.service)).toEqual([
          { name: 'fairway', port: { name: 'public' } },
        ]);
      }
    }
    for (const { spec } of named<IServiceMonitor>('ServiceMonitor')) {
      const services = named<IService>('Service').filter(({ metadata }) =>
        selects(spec.selector.matchLabels, metadata.labels),
      );
      expect(services.map(({ metadata }) => metadata.name)).toEqual(['fairway-operator']);
      expect(services[0]?.spec?.ports?.map(({ name }) => name)).toContain(spec.endpoints[0]?.port);
    }
  });
});

describe.skipIf(why)('the number of pods', () => {
  it('is at least three, and in production only the autoscaler decides', () => {
    expect(find<IDeployment>(of('base'), 'Deployment').spec?.replicas).toBe(3);
    expect(find<IDeployment>(of('overlays/production'), 'Deployment').spec?.replicas).toBeUndefined();
    const { spec } = find<IHorizontalPodAutoscaler>(of('overlays/production'), 'HorizontalPodAutoscaler');
    expect(spec?.minReplicas).toBe(3);
  });

  it('is one with the embedded store, and never two', () => {
    const { spec } = find<IDeployment>(of('overlays/evaluation'), 'Deployment');
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    const kinds = of('overlays/evaluation').map(({ kind }) => kind);
    expect(kinds).not.toContain('HorizontalPodAutoscaler');
    expect(kinds).not.toContain('PodDisruptionBudget');
  });
});
