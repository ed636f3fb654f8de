import type { Registry } from 'prom-client';
import { nextTurn } from '../process/turns.ts';

/** Milliseconds for which a large page is kept. */
const KEPT_FOR = 1_000;
/** Characters; a page of some ten channels has 20,000, and is made anew each time. */
const LARGE = 200_000;

/**
 * Returns what makes the page that Prometheus reads, one metric after the other, so that polls are answered in between.
 * Those who ask while it is made get the same one, and a large one is kept for a second.
 */
export function createPage(registry: Registry): () => Promise<string> {
  let page: Promise<string> | null = null;

  async function make(): Promise<string> {
    const metrics: string[] = [];
    for (const { name } of registry.getMetricsAsArray()) {
      metrics.push(await registry.getSingleMetricAsString(name));
      await nextTurn();
    }
    return `${metrics.join('\n\n')}\n`;
  }

  function begin(): Promise<string> {
    const made = make();
    const forget = () => {
      if (page === made) page = null;
    };
    made.then((text) => (text.length > LARGE ? setTimeout(forget, KEPT_FOR).unref() : forget()), forget);
    return made;
  }

  return () => (page ??= begin());
}
