import { readAgentVersion, UNREADABLE } from './agent-version.ts';
import { readPrometheusText, type Sample } from './prometheus-text.ts';
import { countVersion } from './version-counts.ts';

const SERVERS = 'teleport_registered_servers';
const ENROLLED = 'teleport_enrolled_in_upgrades';
const BOTS = 'teleport_bot_instances';

/**
 * What the auth servers of a cluster report of their connected agents, by version; `UNREADABLE` where that cannot be
 * read.
 */
export interface RegisteredServers {
  /** Enrolled in automatic upgrades. */
  versions: Record<string, number>;
  /** Not enrolled, and the bots of Machine ID. */
  unmanaged: Record<string, number>;
}

/**
 * Sums `teleport_registered_servers` over auth servers and labels; agents with `automatic_updates="true"` are enrolled.
 * Returns what is wrong instead when nothing proves that one of the answers is the whole truth: its agents would be
 * missing from the sum.
 */
export function readRegisteredServers(answers: readonly string[]): RegisteredServers | string {
  const versions = new Map<string, number>();
  const unmanaged = new Map<string, number>();
  for (const answer of answers) {
    const samples = readPrometheusText(answer);
    if (typeof samples === 'string') return samples;
    const fault = findFault(samples);
    if (fault) return fault;
    for (const sample of samples) {
      const { name, labels, value } = sample;
      const enrolled = name === SERVERS && labels.get('automatic_updates') === 'true';
      if (value > 0 && (name === SERVERS || name === BOTS)) {
        countVersion(enrolled ? versions : unmanaged, versionOf(sample), value);
      }
    }
  }
  return { versions: Object.fromEntries(versions), unmanaged: Object.fromEntries(unmanaged) };
}

function versionOf({ labels }: Sample): string {
  const version = labels.get('version');
  return version === undefined ? UNREADABLE : readAgentVersion(version);
}

/** Why one page proves nothing, or null. */
function findFault(samples: Sample[]): string | null {
  const servers = samples.filter(({ name }) => name === SERVERS);
  if (servers.length === 0) return `the answer has no ${SERVERS}; is this an auth server's diagnostics address?`;
  let enrolled = 0;
  for (const { labels, value } of servers) {
    if (!isCount(value)) return `${SERVERS} is ${value}, which is not a number of agents`;
    const label = labels.get('automatic_updates');
    if (label === undefined) {
      const todo = 'upgrade the auth server or import inventories';
      return `${SERVERS} has no label automatic_updates, as before Teleport 14; ${todo}`;
    }
    if (label !== 'true' && label !== 'false') {
      return `${SERVERS} has automatic_updates="${label.slice(0, 20)}", which is neither true nor false`;
    }
    if (label === 'true') enrolled += value;
  }
  const bots = samples.find(({ name, value }) => name === BOTS && !isCount(value));
  if (bots) return `${BOTS} is ${bots.value}, which is not a number of bots`;
  const totals = samples.filter(({ name }) => name === ENROLLED);
  const total = totals.reduce((sum, { value }) => sum + value, 0);
  if (totals.length > 0 && total !== enrolled) {
    return `${SERVERS} has ${enrolled} enrolled agents and ${ENROLLED} has ${total}; they must agree`;
  }
  return null;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
