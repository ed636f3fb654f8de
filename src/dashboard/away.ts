import { FairwayError } from '../domain/errors.ts';

/** Null while the store is away: a page shows what is in memory. */
export async function unlessAway<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof FairwayError && error.code === 'store_unavailable') return null;
    throw error;
  }
}
