import { FairwayError } from '../domain/errors.ts';
import { PeerError } from '../domain/peers.ts';

/** The short code of an error in a span. Messages may quote text from callers, so they are only in the log. */
export function failureOf(error: unknown): string {
  if (error instanceof FairwayError) return error.code;
  if (error instanceof PeerError) return error.fault;
  return error instanceof Error ? error.name : 'unknown';
}
