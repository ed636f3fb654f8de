import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { inSlices } from '../process/turns.ts';

/** A counter whose values are kept elsewhere, as plain integers, and read at each scrape. */
export function counter<L extends string>(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: L[],
  read: () => Iterable<[Record<L, string>, number]>,
): void {
  new Counter({
    name,
    help,
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels, value);
    },
  });
}

/** A gauge whose series are exactly those that `read` returns at a scrape. */
export function gauge<L extends string>(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: L[],
  read: () => Iterable<[Record<L, string>, number]> | Promise<Iterable<[Record<L, string>, number]>>,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers,
    async collect() {
      const series = await read();
      this.reset();
      await inSlices(series, ([labels, value]) => this.set(labels, value));
    },
  });
}

/** Samples in seconds, counted by the upper bounds of their buckets; each sample is in one bucket only. */
export interface Distribution {
  /** Ascending, in seconds. A sample beyond the last bound is only in `count`. */
  buckets: readonly { bound: number; samples: number }[];
  count: number;
  /** Seconds. */
  sum: number;
}

/** A histogram whose samples are kept elsewhere. In Prometheus a bucket holds all samples up to its bound. */
export function histogram(registers: Registry[], name: string, help: string, read: () => Distribution): void {
  new ReadHistogram(read, { name, help, registers });
}

/** The library's own histogram only takes one sample at a time. */
class ReadHistogram extends Histogram {
  readonly #read: () => Distribution;

  constructor(read: () => Distribution, configuration: { name: string; help: string; registers: Registry[] }) {
    super(configuration);
    this.#read = read;
  }

  /** Called by the registry at a scrape. */
  async getForPromString() {
    const { name, help } = this as unknown as { name: string; help: string };
    const { buckets, count, sum } = this.#read();
    let upTo = 0;
    const values = buckets.map(({ bound, samples }) => {
      upTo += samples;
      return { metricName: `${name}_bucket`, labels: { le: bound as number | string }, value: upTo };
    });
    values.push({ metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count });
    return {
      name,
      help,
      type: 'histogram',
      values: [
        ...values,
        { metricName: `${name}_sum`, labels: {}, value: sum },
        { metricName: `${name}_count`, labels: {}, value: count },
      ],
    };
  }
}
