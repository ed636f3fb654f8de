import { readFileSync } from 'node:fs';

export const DASHBOARD_FILE = 'config/monitoring/fairway.dashboard.json';

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
  templating: { list: { name: string; query: string | { query: string } }[] };
  annotations: { list: { expr: string }[] };
}

export const dashboard: Dashboard = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8'));
export const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** A panel's query as Grafana sends it when everything is selected and the last `range` is shown. */
export const asSent = (expr: string, range: string): string =>
  expr.replaceAll(/\$(job|channel)\b/g, '.*').replaceAll(/\$__(rate_interval|range)\b/g, range);
