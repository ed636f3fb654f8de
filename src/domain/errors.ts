/** All error codes; `http/errors.ts` maps each to a status. */
export const ERROR_CODES = [
  'malformed',
  'unauthenticated',
  'forbidden',
  'not_found',
  'refused',
  'channel_pinned',
  'frozen',
  'not_promoted',
  'not_newer',
  'not_older',
  'no_previous_target',
  'already_exists',
  'channel_in_use',
  'control_plane_in_use',
  'revision_mismatch',
  'too_large',
  'unsupported_media_type',
  'invalid',
  'rate_limited',
  'store_unavailable',
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** The report of the compatibility gate, on `refused`. */
  report?: unknown;
  /** The gates of a promotion's stage, on `refused`. */
  gates?: { gate: string; passed: boolean; reason: string | null }[];
  /** Faults of single fields, on `invalid`. */
  errors?: { path: string; message: string }[];
  /** Seconds after which the caller should try again. */
  retryAfter?: number;
  cause?: unknown;
}

/** The only error that crosses layers: a code for programs, and a sentence that says what to do next. */
export class FairwayError extends Error {
  override readonly name = 'FairwayError';
  readonly code: ErrorCode;
  readonly details: Omit<ErrorDetails, 'cause'>;

  constructor(code: ErrorCode, message: string, { cause, ...details }: ErrorDetails = {}) {
    super(message, { cause });
    this.code = code;
    this.details = details;
  }
}
