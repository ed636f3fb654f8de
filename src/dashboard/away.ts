import { type ErrorCode, FairwayError } from '../domain/errors.ts';

/** Resolves with null while the store is away, so that a page can show what is in memory. */
export const unlessAway = async <T>(reading: Promise<T>): Promise<T | null> =>
  (await unless(['store_unavailable'], reading)).value;

/** Resolves with what was read, or with the reason why there is nothing: it does not exist, or the store is away. */
export const unlessMissing = <T>(reading: Promise<T>) => unless(['not_found', 'store_unavailable'], reading);

/** Resolves with what was read, or with what is wrong with the values that a person typed. */
export async function unlessInvalid<T>(
  reading: Promise<T>,
): Promise<{ value: T; fault: null } | { value: null; fault: FairwayError }> {
  try {
    return { value: await reading, fault: null };
  } catch (error) {
    if (error instanceof FairwayError && INVALID.includes(error.code)) return { value: null, fault: error };
    throw error;
  }
}

const INVALID: ErrorCode[] = ['invalid', 'malformed'];

type Reading<T> = { value: T; why: null } | { value: null; why: string };

async function unless<T>(codes: ErrorCode[], reading: Promise<T>): Promise<Reading<T>> {
  try {
    return { value: await reading, why: null };
  } catch (error) {
    if (error instanceof FairwayError && codes.includes(error.code)) return { value: null, why: error.message };
    throw error;
  }
}
