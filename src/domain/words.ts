/** `12,430` */
export const number = (amount: number): string => amount.toLocaleString('en');

/** A number of things: `1 agent`, `12,430 agents`, `2 entries`. */
export const count = (amount: number, one: string, many = `${one}s`): string =>
  `${number(amount)} ${amount === 1 ? one : many}`;

/** An ISO 8601 time as people read it, to the minute: `2026-11-22 18:00 UTC`. */
export const clock = (at: string): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** Does an audit entry record that a critical mark was cleared? Marking and clearing have the same action. */
export const clearsCritical = ({ action, after }: { action: string; after?: unknown }): boolean =>
  action === 'critical' && !(after as { critical?: unknown } | null | undefined)?.critical;

/** The names that a sentence gives of a long list. */
export const FIRST = 10;

/** A list in a sentence, of which a long one gives the first ten: `a, b, and 4,990 more`. */
export const listed = (items: readonly string[], separator = ', '): string => {
  const rest = items.length - FIRST;
  return (rest > 0 ? [...items.slice(0, FIRST), `and ${number(rest)} more`] : items).join(separator);
};

/** Characters of a reason in a document. What a person writes is shorter; what a machine finds may be longer. */
export const MAX_REASON = 1_000;

/** The text, cut where it is longer than `most` characters. */
export const shortened = (text: string, most = MAX_REASON): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** An actor of the audit log in a sentence: `token:ops-1` as `token ops-1`. */
export const who = (actor: string): string => actor.replace(':', ' ');
