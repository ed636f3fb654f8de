import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findProgram } from '../support/packages.ts';
import { alerts, groups, RULE_FILE } from './rule-file.ts';

// Promtool comes with Debian's package prometheus, which test/packages.ts installs as root.
const PROMTOOL = findProgram('promtool');
const promtool = (...args: string[]) => promisify(execFile)(PROMTOOL ?? 'promtool', args);

interface UnitTests {
  rule_files: string[];
  tests: { name: string; alert_rule_test: { alertname: string; eval_time: string; exp_alerts: unknown[] }[] }[];
}

/** The files of unit tests, by the group that they test. */
const files = readdirSync('test/monitoring').filter((file) => file.endsWith('.rules.yaml'));
const cases = files.map((file) => parse(readFileSync(`test/monitoring/${file}`, 'utf8')) as UnitTests);
const checks = cases.flatMap(({ tests }) => tests.flatMap((each) => each.alert_rule_test));

describe('the rules', () => {
  it.skipIf(!PROMTOOL)('are valid', async () => {
    const { stdout } = await promtool('check', 'rules', '--lint=all', '--lint-fatal', RULE_FILE);
    expect(stdout).toContain('SUCCESS');
  });

  it.skipIf(!PROMTOOL).each(files)('fire only when they should: %s', { timeout: 120_000 }, async (file) => {
    const { stdout } = await promtool('test', 'rules', `test/monitoring/${file}`);
    expect(stdout).toContain('SUCCESS');
  });

  it('have a file of unit tests for each group of alerts', () => {
    const withAlerts = groups.filter((group) => group.rules.some(({ alert }) => alert));
    expect(files.map((file) => `fairway-${file.replace('.rules.yaml', '')}`).sort()).toEqual(
      withAlerts.map(({ name }) => name).sort(),
    );
  });
});

describe.each(groups.find(({ name }) => name === 'fairway-thresholds')?.rules ?? [])(
  'the threshold $record',
  ({ record = '' }) => {
    it('is used by an alert, and in docs/monitoring.md', () => {
      expect(alerts.some(({ expr }) => expr.includes(record))).toBe(true);
      expect(readFileSync('docs/monitoring.md', 'utf8')).toContain(`| \`${record}\` |`);
    });
  },
);

describe.each(alerts)('$alert', ({ alert, expr, labels, annotations }) => {
  it('is tested firing and not firing', () => {
    const own = checks.filter(({ alertname }) => alertname === alert);
    expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
    expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
  });

  it('says what is wrong and what to do next, and links its runbook', () => {
    expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook_url']);
    expect(annotations.summary).toMatch(/\.$/);
    expect(annotations.description).toMatch(/\.$/);
    expect(['critical', 'warning', 'info']).toContain(labels.severity);
    expect(annotations.runbook_url).toMatch(/^docs\/runbooks\/[a-z-]+\.md$/);
    expect(existsSync(annotations.runbook_url), `${annotations.runbook_url} is missing`).toBe(true);
  });

  it('keeps installations apart that share a Prometheus', () => {
    for (const [, by = ''] of expr.matchAll(/\b(?:sum|max|min|group|count) by \(([^)]*)\)/g)) {
      expect(by).toMatch(/^job, namespace\b/);
    }
    expect(expr).not.toMatch(/\b(?:sum|max|min|group|count) ?\(/);
  });
});
