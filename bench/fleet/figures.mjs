/** The value below which `share` of the values lie. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export const median = (values) => quantile(values, 0.5);

/** Measures the milliseconds that `work` takes. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The milliseconds of each of so many runs, one after the other. */
export async function times(runs, work) {
  const all = [];
  for (let n = 0; n < runs; n++) all.push(await time(() => work(n)));
  return all;
}

export const ms = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
