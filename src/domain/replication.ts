/** How many replicas must have a change before it counts as done, and how many have it. */
export interface Replication {
  wanted: number;
  reached: number;
}

/** A change that too few replicas have; a failover may lose it. */
export interface Shortfall extends Replication {
  revision: number;
}

/** A clause for warnings, logs, pages and `/readyz`. */
export const describeShortfall = ({ revision, wanted, reached }: Shortfall): string =>
  `stored, not yet replicated: ${reached} of ${wanted} ${wanted === 1 ? 'replica' : 'replicas'} confirmed ` +
  `revision ${revision}, so a failover may lose it`;
