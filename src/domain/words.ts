/** `12,430` */
export const number = (amount: number): string => amount.toLocaleString('en');

/** A number of things: `1 agent`, `12,430 agents`, `2 entries`. */
export const count = (amount: number, one: string, many = `${one}s`): string =>
  `${number(amount)} ${amount === 1 ? one : many}`;

/** An actor of the audit log in a sentence: `token:ops-1` as `token ops-1`. */
export const who = (actor: string): string => actor.replace(':', ' ');
