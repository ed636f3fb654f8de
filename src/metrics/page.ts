import type { Registry } from 'prom-client';
import { nextTurn } from '../process/turns.ts';

/** Milliseconds for which a large page is kept. */
const KEPT_FOR = 1_000;
/** Characters; a page of some ten channels has 20,000, and is made anew each time. */
const LARGE = 200_000;

/** Series that are written at a stretch. */
const SERIES_AT_ONCE = 500;

/** A metric as the library writes it. */
interface Collected {
  get(): Promise<{ values: readonly unknown[] }>;
  getForPromString?(): Promise<{ values: readonly unknown[] }>;
}

/**
 * Returns what makes the page that Prometheus reads, its metrics one after the other and in pieces, so that polls are
 * answered in between. Those who ask while it is made get the same one, and a large one is kept for a second.
 */
export function createPage(registry: Registry): () => Promise<readonly string[]> {
  let page: Promise<readonly string[]> | null = null;
  // What the library does with each metric of a page; its types leave it out.
  const toText = (metric: Pick<Collected, 'get'>): Promise<string> =>
    (registry as unknown as { getMetricsAsString(metric: Pick<Collected, 'get'>): Promise<string> }).getMetricsAsString(
      metric,
    );

  async function make(): Promise<readonly string[]> {
    const texts: string[] = [];
    for (const metric of registry.getMetricsAsArray() as unknown as Collected[]) {
      const all = await (metric.getForPromString ?? metric.get).call(metric);
      for (let done = 0; done === 0 || done < all.values.length; done += SERIES_AT_ONCE) {
        const values = all.values.slice(done, done + SERIES_AT_ONCE);
        const text = await toText({ get: async () => ({ ...all, values }) });
        // The lines about the metric stand before its first series.
        texts.push(done === 0 ? text : text.split('\n').slice(2).join('\n'), '\n');
        await nextTurn();
      }
      texts.push('\n');
    }
    return texts;
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
