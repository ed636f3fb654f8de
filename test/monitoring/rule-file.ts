import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const RULE_FILE = 'config/monitoring/fairway.rules.yaml';

export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: { severity: string };
  annotations?: { summary: string; description: string; runbook_url: string };
}

export type Alert = Rule & Required<Pick<Rule, 'alert' | 'labels' | 'annotations'>>;

export interface RuleGroup {
  name: string;
  rules: Rule[];
}

export const groups: RuleGroup[] = parse(readFileSync(RULE_FILE, 'utf8')).groups;
export const rules = groups.flatMap((group) => group.rules);
export const alerts = rules.filter((rule): rule is Alert => rule.alert !== undefined);

/** The metrics of a server in a query. Names of recorded metrics have a colon. */
export const metricsOf = (query: string): string[] => query.match(/\bfairway_\w+/g) ?? [];
