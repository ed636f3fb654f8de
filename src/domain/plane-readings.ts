/** What all proxies of a control plane reported at one moment. */
export interface PlaneReading {
  /** Epoch milliseconds. */
  at: number;
  /** Canonical versions. */
  versions: readonly string[];
  /** Does it count, beside later ones, until it is `settleFor` old? */
  held?: boolean;
}

/** More versions than take turns behind one address. */
const MAX_READINGS = 32;

/**
 * The readings of the last `settleFor` milliseconds, oldest first; those of the same versions in a row are one. One
 * address may stand for several processes, so versions that come back were never gone: they are held, with what was
 * between.
 */
export function addReading(readings: readonly PlaneReading[], next: PlaneReading, settleFor: number): PlaneReading[] {
  const recent = readings.filter(({ at }) => at > next.at - settleFor);
  const last = recent.at(-1);
  if (last && keyOf(last) === keyOf(next)) {
    const same = { ...last, at: next.at };
    // What alternated with it is over.
    return recent.length === 1 ? [{ at: next.at, versions: next.versions }] : [...recent.slice(0, -1), same];
  }
  const before = recent.findIndex((reading) => keyOf(reading) === keyOf(next));
  const held = before === -1 ? recent : recent.map((each, index) => (index < before ? each : { ...each, held: true }));
  return [...held, next].slice(-MAX_READINGS);
}

/** The versions that count: those of the last reading, or of all recent ones where some are held. */
export function heldVersions(readings: readonly PlaneReading[]): string[] {
  const counting = readings.some(({ held }) => held) ? readings : readings.slice(-1);
  return [...new Set(counting.flatMap(({ versions }) => versions))];
}

const keyOf = ({ versions }: PlaneReading): string => [...new Set(versions)].sort().join(' ');
