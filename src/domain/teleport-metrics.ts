import { readPrometheusText } from './prometheus-text.ts';
import { MAX_VERSION_LENGTH, parseVersion } from './version.ts';

const METRIC = 'teleport_registered_servers';
/** More distinct versions than any cluster runs; limits what is stored and checked. */
const MAX_VERSIONS = 1_000;

/** The agents that the auth servers of a cluster report. */
export interface RegisteredServers {
  versions: Record<string, number>;
  /** Enrolled agents whose version could not be read. */
  skipped: number;
}

/**
 * Sums `teleport_registered_servers` over auth servers and labels; only agents with `automatic_updates="true"` are
 * enrolled. Returns what is wrong if any answer is incomplete: an answer without the metric does not come from an auth
 * server, so that server's agents would be missing from the sum.
 */
export function readRegisteredServers(answers: readonly string[]): RegisteredServers | string {
  const versions = new Map<string, number>();
  let skipped = 0;
  for (const answer of answers) {
    const samples = readPrometheusText(answer);
    if (typeof samples === 'string') return samples;
    const own = samples.filter(({ name }) => name === METRIC);
    if (own.length === 0) return `the answer has no ${METRIC}; is this an auth server's diagnostics address?`;
    for (const { labels, value } of own) {
      if (!Number.isSafeInteger(value) || value < 0) return `${METRIC} is ${value}, which is not a number of agents`;
      if (labels.get('automatic_updates') !== 'true') continue;
      const version = parseVersion((labels.get('version') ?? '').slice(0, MAX_VERSION_LENGTH + 1))?.text;
      if (version === undefined) skipped += value;
      else versions.set(version, (versions.get(version) ?? 0) + value);
    }
  }
  if (versions.size > MAX_VERSIONS) return `${METRIC} has more than ${MAX_VERSIONS} versions`;
  return { versions: Object.fromEntries([...versions].filter(([, count]) => count > 0)), skipped };
}
