import { FairwayError } from '../domain/errors.ts';
import { PeerError } from '../domain/peers.ts';

/** What a span tells of an error: a short code. Messages may quote what a stranger sent; the log has them. */
export function failureOf(error: unknown): string {
  if (error instanceof FairwayError) return error.code;
  if (error instanceof PeerError) return error.fault;
  return error instanceof Error ? error.name : 'unknown';
}
