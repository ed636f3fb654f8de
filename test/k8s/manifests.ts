import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { IIoK8sApiCoreV1PodSpec as PodSpec } from 'kubernetes-models/v1/PodSpec';
import { parseAllDocuments } from 'yaml';
import { findProgram } from '../support/packages.ts';
import { ROOT } from '../support/process.ts';

/** A Kubernetes object, as `kubectl apply` would send it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
}

export type { PodSpec };

/** Why manifests cannot be rendered on this machine, or null. */
export function whyNoKustomize(): string | null {
  const kubectl = findProgram('kubectl');
  if (!kubectl) return 'kubectl is not installed';
  const { kustomizeVersion = 'v2' } = JSON.parse(
    execFileSync(kubectl, ['version', '--client', '--output=json'], { encoding: 'utf8' }),
  );
  // Kustomize before 5 lacks fields that the manifests use. Debian 12's kubectl has 2 and does not say so.
  return Number(/^v(\d+)/.exec(kustomizeVersion)?.[1]) >= 5
    ? null
    : `kubectl's kustomize is ${kustomizeVersion}, not v5`;
}

/** All objects of a directory in `k8s/`. */
export function render(directory: string): Manifest[] {
  const output = execFileSync('kubectl', ['kustomize', join(ROOT, 'k8s', directory)], { encoding: 'utf8' });
  return parseAllDocuments(output).map((document) => document.toJS());
}

/** The only object of a kind, or the one with that name; the caller states its type. */
export function find<T>(manifests: Manifest[], kind: string, name?: string): T {
  const found = manifests.filter((each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name);
  if (found.length !== 1) throw new Error(`there are ${found.length} of ${kind} ${name ?? ''}`);
  return found[0] as T;
}

export interface Pods {
  owner: string;
  labels: Record<string, string>;
  spec: PodSpec;
}

/** The pods that the objects create. */
export function podsOf(manifests: Manifest[]): Pods[] {
  return manifests.flatMap((manifest) => {
    // biome-ignore lint/suspicious/noExplicitAny: the shapes differ by kind
    const { spec } = manifest as any;
    const template = spec?.jobTemplate?.spec.template ?? spec?.template;
    return template ? [{ owner: manifest.kind, labels: template.metadata.labels, spec: template.spec }] : [];
  });
}

export const selects = (selector: Record<string, string> | undefined, labels: Record<string, string> = {}) =>
  Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
