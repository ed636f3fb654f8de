import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

const RULES = 'config/monitoring/fairway.rules.yaml';
const OBJECT = 'k8s/overlays/production/prometheusrule.yaml';

/** Kustomize reads no file outside its directory, and cannot make an object from a file. */
function prometheusRule(): string {
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'fairway' },
    spec: parse(readFileSync(RULES, 'utf8')),
  };
  const note = `# ${RULES} for the Prometheus Operator. Do not edit it: test/k8s/rules.test.ts writes it.\n`;
  return note + stringify(object, { lineWidth: 120 });
}

it(`${OBJECT} has the current rules; after changing them, run: UPDATE_GOLDEN=1 npx vitest run --config test/vitest.config.ts test/k8s/rules`, () => {
  const whole = prometheusRule();
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(OBJECT, whole);
  expect(readFileSync(OBJECT, 'utf8')).toBe(whole);
});
