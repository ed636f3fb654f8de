/** Why there was no usable answer from a peer; a label of metrics. */
export type PeerFault = 'unreachable' | 'slow' | 'status' | 'too_large' | 'malformed';

export interface PeerErrorOptions extends ErrorOptions {
  /** The status of the answer, if that was the fault. */
  status?: number;
}

/** A peer failed. The message says how, without the peer's address. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly fault: PeerFault;
  readonly status: number | null;

  constructor(fault: PeerFault, message: string, { status, ...options }: PeerErrorOptions = {}) {
    super(message, options);
    this.fault = fault;
    this.status = status ?? null;
  }
}

/** What a peer answered. */
export interface PeerAnswer {
  body: string;
  /** The value of a header, whose name may be in any case; null where the answer has none. */
  header(name: string): string | null;
}

/** How a peer is reached. */
export interface PeerAccess {
  /** The CAs to trust, PEM; left out: those of Node. */
  ca?: string | undefined;
  /** Headers with a login; never logged. */
  headers: Record<string, string>;
}

/** Throws `PeerError` if a file cannot be read. */
export type ReadAccess = () => PeerAccess;

/** Other programs that Fairway reads from. */
export interface Peers {
  /** Returns the whole answer, which is a 200. Throws `PeerError`; always settles within its deadline. */
  read(url: string): Promise<PeerAnswer>;
}
