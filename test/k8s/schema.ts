import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ROOT } from '../support/process.ts';
import type { Manifest } from './manifests.ts';

const moduleOf = ({ apiVersion, kind }: Manifest) => {
  const operators = apiVersion.startsWith('monitoring.coreos.com/');
  return `${operators ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}/${kind}`;
};

/** Wrong types and missing fields, one line each, by the schemas of Kubernetes and of the Prometheus Operator. */
export async function findFaults(manifests: Manifest[]): Promise<string[]> {
  const faults = manifests.map(async (manifest) => {
    const { [manifest.kind]: Model } = await import(moduleOf(manifest));
    try {
      new Model(manifest).validate();
      return [];
    } catch (error) {
      return [`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`];
    }
  });
  return (await Promise.all(faults)).flat();
}

/**
 * Fields that no schema knows, one line of the compiler each. The validators accept them, but the compiler allows a
 * literal only the fields of its type.
 */
export function findUnknownFields(manifests: Manifest[]): string[] {
  // Inside the repository, where the compiler finds the types.
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'fairway-manifests-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const literals = manifests.map((manifest) => {
    const type = `import('${moduleOf(manifest)}').I${manifest.kind}`;
    return `(${JSON.stringify(manifest, null, 1)}) satisfies ${type};`;
  });
  writeFileSync(join(directory, 'manifests.ts'), `${literals.join('\n')}\nexport {};\n`);
  const compilerOptions = { strict: true, module: 'nodenext', skipLibCheck: true, noEmit: true, types: [] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.ts'] }));
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', directory], {
      encoding: 'utf8',
    });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    return stdout.split('\n').filter((line) => line.includes('error TS'));
  }
}
