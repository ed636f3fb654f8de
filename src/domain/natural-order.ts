const NAMES = new Intl.Collator('en', { numeric: true });

/** Orders names as people count: `v9` before `v10`. Names that read alike are ordered by their characters. */
export const compareNames = (a: string, b: string): number => NAMES.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

/** The same for things that have a name. */
export const byName = (a: { name: string }, b: { name: string }): number => compareNames(a.name, b.name);
