import { createHash } from 'node:crypto';

export const CHANNEL = 'stable/cloud';
const GROUPS = ['production', 'staging', 'canary', 'eu-1', 'us-2'];
export const VERSIONS = Array.from({ length: 20 }, (_, n) => (n < 15 ? `16.4.${n}` : `15.4.${n - 10}`));

/** The id of the n-th agent: a UUID, the same in every run. */
export function idOf(n) {
  const hex = createHash('sha256').update(String(n)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The n-th agent as it checks in at `at`, with every field that it may report. */
export function agent(n, at, version = VERSIONS[n % VERSIONS.length]) {
  const group = GROUPS[n % GROUPS.length];
  return {
    id: idOf(n),
    channel: CHANNEL,
    version,
    at,
    updater: 'unit',
    updaterVersion: version,
    group,
    enrolled: true,
    proven: true,
    updaterState: null,
    host: null,
    listing: null,
    expired: false,
  };
}

/** Yields agents `from` to `to` in batches, as the server writes them. */
export function* batches(from, to, at, size = 10_000) {
  for (let start = from; start < to; start += size) {
    yield Array.from({ length: Math.min(size, to - start) }, (_, n) => agent(start + n, at));
  }
}
