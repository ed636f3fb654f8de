import type { Registry } from 'prom-client';
import { nextTurn } from '../process/turns.ts';

/** Milliseconds for which a large page is kept. */
const KEPT_FOR = 1_000;
/** Characters; a page of some ten channels has 20,000, and is made anew each time. */
const LARGE = 200_000;

/**
 * Returns what makes the page that Prometheus reads, its metrics one after the other, so that polls are answered in between.
 * Those who ask while it is made get the same one, and a large one is kept for a second.
 */
export function createPage(registry: Registry): () => Promise<readonly string[]> {
  let page: Promise<readonly string[]> | null = null;

  async function make(): Promise<readonly string[]> {
    const metrics: string[] = [];
    for (const { name } of registry.getMetricsAsArray()) {
      metrics.push(`${await registry.getSingleMetricAsString(name)}\n\n`);
      await nextTurn();
    }
    return metrics;
  }

  function begin(): Promise<readonly string[]> {
    const made = make();
    const forget = () => {
      if (page === made) page = null;
    };
    const isLarge = (metrics: readonly string[]) => metrics.reduce((sum, { length }) => sum + length, 0) > LARGE;
    made.then((metrics) => (isLarge(metrics) ? setTimeout(forget, KEPT_FOR).unref() : forget()), forget);
    return made;
  }

  return () => (page ??= begin());
}
