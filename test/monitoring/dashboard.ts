import { readFileSync } from 'node:fs';

interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets: Target[];
}

interface Dashboard {
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
  annotations: { list: { expr: string }[] };
}

const readDashboard = (name: string): Dashboard =>
  JSON.parse(readFileSync(`config/monitoring/${name}.dashboard.json`, 'utf8'));
const panelsOf = (dashboard: Dashboard) => dashboard.panels.filter(({ type }) => type !== 'row');

export const dashboard = readDashboard('fairway');
export const panels = panelsOf(dashboard);

/** The dashboard of one release, which also has panels for metrics of the deployer. */
export const releaseDashboard = readDashboard('release');
export const releasePanels = panelsOf(releaseDashboard);

/** A panel's query as Grafana sends it when everything is selected and the last `range` is shown. */
export const asSent = (expr: string, range: string): string =>
  expr.replaceAll(/\$(job|channel)\b/g, '.*').replaceAll(/\$__(rate_interval|range)\b/g, range);
