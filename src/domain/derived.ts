/**
 * Derives something from an object once, and keeps it for as long as the object. It is for what never changes, such as
 * the maps of a snapshot: each revision has its own, and thousands of channels are judged by it.
 */
export function derivedOnce<K extends object, T extends object>(derive: (from: K) => T): (from: K) => T {
  const kept = new WeakMap<K, T>();
  return (from) => {
    const known = kept.get(from);
    if (known) return known;
    const made = derive(from);
    kept.set(from, made);
    return made;
  };
}
