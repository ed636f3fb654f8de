import type { Context } from './context.ts';
import { ApiError } from './errors.ts';
import { sentence } from './layout.ts';
import { probe } from './probe.ts';

/**
 * Returns what a read from the store answers, or null while the store is away: then the command shows what the server
 * serves from memory.
 */
export async function unlessAway<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'store_unavailable') return null;
    throw error;
  }
}

/**
 * Says that what a command showed may be old, and how old, if the server has not heard from its store. `counted` is
 * whether the command could show counts of agents.
 */
export async function sayIfOld({ terminal, server }: Context, counted: boolean): Promise<void> {
  // The readiness of a server says how old the served state is.
  const { body } = await probe(new URL('/readyz', server().url)).catch(() => ({ body: '' }));
  const [age] = /\bthe state\b[^;]*/.exec(body) ?? [];
  if (counted && age === undefined) return;
  const without = counted ? '' : ', without counts of agents';
  const words = `the store is away, so this is what agents are served${without}, and it may be old`;
  terminal.say(sentence(terminal, `fairway: ${words}${age ? `: ${age}` : ''}`));
}
