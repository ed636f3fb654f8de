import { expect } from 'vitest';
import type { TestServer } from './server.ts';

export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Reads the metrics as Prometheus would. */
export async function scrape({ operatorUrl }: TestServer): Promise<{ series: Series[]; text: string; type: string }> {
  const response = await fetch(`${operatorUrl}/metrics`);
  expect(response.status).toBe(200);
  const text = await response.text();
  const series = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      expect(name, line).toMatch(/^fairway_/);
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, label]) => [key, label]);
      return { name, labels: Object.fromEntries(pairs), value: Number(value.replace('+Inf', 'Infinity')) };
    });
  return { series, text, type: response.headers.get('content-type') ?? '' };
}

/** The value of the first series with that name and these labels. */
export async function valueIn(server: TestServer, name: string, labels: Record<string, string> = {}) {
  const { series } = await scrape(server);
  return series.find(
    (one) => one.name === name && Object.entries(labels).every(([key, label]) => one.labels[key] === label),
  )?.value;
}
